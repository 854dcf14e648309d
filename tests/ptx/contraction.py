"""What the assembler may do to PTX: fuse a product and a sum that say no rounding into one rounded once."""

import re

_LINE = re.compile(r"\t(mul|add|sub)\.(f32|f64) *\t(%\w+), ([%\w]+), ([%\w]+);$")


def fused(name: str, text: str) -> str:
    """Return PTX in which every product that only one sum below it reads is fused with it: an ``edit``.

    PTX leaves this to the assembler where the instructions name no rounding, and ptxas does it by default.
    """
    lines = text.split("\n")
    products: dict[str, int] = {}
    for at, line in enumerate(lines):
        if re.match(r"\$\w+:|\t@?.*\bbra\b|\.", line):
            products.clear()
        match = _LINE.match(line)
        if match and match[1] != "mul":
            operation, kind, target, a, b = match.groups()
            product, other = (a, b) if a in products else (b, a)
            if product in products and product != other and len(re.findall(rf"{product}\b", text)) == 2:
                place = products.pop(product)
                _, _, _, x, y = _LINE.match(lines[place]).groups()
                lines[place] = ""
                lines[at] = _fma(operation, kind, target, (x, y, other), product, product == a)
        written = re.match(r"\t(?:@\S+ )?[a-z][\w.]* *\t(?:\{)?(%\w+)", line)
        if written:  # what a product was made of is another number now
            products = {
                name: k for name, k in products.items() if written[1] not in (name, *_LINE.match(lines[k]).groups()[3:])
            }
        if match and match[1] == "mul":
            products[match[3]] = at
    return "\n".join(lines)


def _fma(operation: str, kind: str, target: str, operands: tuple[str, str, str], free: str, first: bool) -> str:
    a, b, c = operands
    if operation == "add":
        return f"\tfma.rn.{kind} \t{target}, {a}, {b}, {c};"
    if first:  # a b - c
        return f"\tneg.{kind} \t{free}, {c};\n\tfma.rn.{kind} \t{target}, {a}, {b}, {free};"
    return f"\tneg.{kind} \t{free}, {a};\n\tfma.rn.{kind} \t{target}, {free}, {b}, {c};"
