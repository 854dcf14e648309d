"""Instructions of a tick, read from listings of machine code, and the speed that is predicted from them."""

import json

import pytest
from shell_samples import shell

from batchgd.analysis.bench import devices, listing, operations, predict
from batchgd.analysis.bench.cases import Case
from batchgd.kernels.cuda.assemble import Resources
from batchgd.problem.errors import BackendError, InputError

LISTING = """
.text.kernel:
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/              @!P0 EXIT ;
.L_x_0:
        /*0020*/                   LDG.E.64 R22, desc[UR6][R16.64+0x20] ;
        /*0030*/                   DFMA R24, R12, R12, R8 ;
        /*0040*/                   LDL.64 R2, [R1] ;
        /*0050*/                   STL [R1+0x8], R5 ;
        /*0060*/                   BSSY B1, `(.L_x_1) ;
        /*0070*/                   MUFU.RCP64H R5, R25 ;
        /*0080*/               @P1 BRA `(.L_x_2) ;
        /*0090*/                   MOV R0, 0xb0 ;
        /*00a0*/                   CALL.REL.NOINC `($division) ;
.L_x_2:
        /*00b0*/                   BSYNC B1 ;
.L_x_1:
        /*00c0*/               @P2 BRA `(.L_x_3) ;
        /*00d0*/                   FADD R2, R2, R3 ;
.L_x_3:
        /*00e0*/                   DSETP.NEU.AND P2, PT, R16, RZ, PT ;
        /*00f0*/              @!P2 BRA `(.L_x_4) ;
        /*0100*/                   F2I.S64.F64.TRUNC R24, R16 ;
        /*0110*/              @!P1 BRA `(.L_x_4) ;
        /*0120*/                   STG.E.64 desc[UR6][R4.64], R8 ;
        /*0130*/               @P0 ATOMG.E.ADD.64.STRONG.GPU PT, R6, desc[UR6][R14.64], R6 ;
        /*0140*/                   IMAD.WIDE.U32 R10, R2, -0x2daee0ad, RZ ;
.L_x_4:
        /*0150*/                   LOP3.LUT P1, RZ, R27, 0xfff, RZ, 0xc0, !PT ;
        /*0160*/               @P1 BRA `(.L_x_5) ;
        /*0170*/                   LD.E.STRONG.SYS R4, desc[UR6][R6.64] ;
.L_x_5:
        /*0180*/                   IMAD.MOV.U32 R3, RZ, RZ, RZ ;
{back}
        /*01b0*/                   EXIT ;
.L_x_6:
        /*01c0*/                   BRA `(.L_x_6);
"""
BACK = "        /*0190*/               @P3 BRA `(.L_x_0) ;"
FAR = """\
        /*0190*/              @!P3 CALL.REL.NOINC `(.L_x_7) ;
        /*01a0*/                   BRA `(.L_x_0) ;
.L_x_7:"""


@pytest.mark.parametrize(("back", "more"), [(BACK, 0), (FAR, 1)], ids=["branch", "far branch"])
def test_what_runs_in_every_tick_is_counted(back, more):
    tick = listing.tick_of(LISTING.format(back=back))
    assert tick.pipes == {"fp64": 2, "fp32": 1, "integer": 2, "special": 1, "memory": 3, "control": 7 + more}
    assert (tick.total, tick.local, tick.loops) == (16 + more, 8 + 4, 0)
    assert tick.names["DFMA"] == tick.names["FADD"] == 1  # both sides of a branch: a warp executes both
    assert not {"STG.E.64", "F2I.S64.F64.TRUNC", "IMAD.WIDE.U32", "MOV"} & {*tick.names}


def test_a_loop_within_the_tick_is_noticed():
    inner = ".L_x_8:\n        /*0185*/ DADD R2, R2, R4 ;\n        /*0186*/ @P4 BRA `(.L_x_8) ;\n"
    tick = listing.tick_of(LISTING.format(back=inner + BACK))
    assert (tick.loops, tick.names["DADD"]) == (1, 1)
    cost = predict.Cost(tick, Resources(32, 0, 0, 0), 1)
    assert predict.predict(cost, devices.device_of("L4")).updates_per_second is None


def test_the_busiest_pipe_bounds_the_prediction():
    tick = listing.Tick({"DFMA": 30, "DSETP.GT.AND": 10, "FSEL": 20, "LDG.E.64": 8, "MUFU.RCP64H": 2, "BRA": 10}, 0, 0)
    cost = predict.Cost(tick, Resources(32, 0, 0, 0), 1)
    hopper = predict.predict(cost, devices.device_of("NVIDIA H200"))
    # 40 lanes of float64 at 64 per clock, 80 instructions at 128 per clock.
    assert (hopper.bound_by, hopper.clocks["issue"]) == ("fp64", 80 / 128)
    assert hopper.updates_per_second == pytest.approx(132 * 1.98e9 * 64 / 40)
    ada = predict.predict(cost, devices.device_of("NVIDIA GeForce RTX 4090"))
    assert ada.updates_per_second == pytest.approx(128 * 2.52e9 * 2 / 40)
    shared = predict.predict(predict.Cost(tick, Resources(32, 0, 0, 0), 32), devices.device_of("H200"))
    assert shared.updates_per_second == pytest.approx(hopper.updates_per_second / 32)


# Teraflops as the data sheets state them.
@pytest.mark.parametrize(
    ("name", "single", "double"),
    [("H100", 67, 33.5), ("H200", 67, 33.5), ("A100", 19.5, 9.7), ("L4", 30.3, 0.47), ("RTX 4090", 82.6, 1.29)],
)
def test_rates_and_clocks_give_the_published_peaks(name, single, double):
    peak = devices.device_of(name).peak
    assert peak["float32"] == pytest.approx(single * 1e12, rel=0.01)
    assert peak["float64"] == pytest.approx(double * 1e12, rel=0.01)


def test_an_unknown_device_is_refused():
    with pytest.raises(InputError, match=r"'MI300'.*A100"):
        devices.device_of("MI300")


def test_operations_have_their_price():
    counts = {"adds": 10, "multiplies": 5, "divides": 2, "sqrt": 1}
    assert operations.necessary(counts, "float64") == 15 + 3 * 12
    assert operations.necessary({**counts, "erf": 1}, "float32") is None


# The shell

needs_assembler = pytest.mark.skipif(listing._nvdisasm() is None, reason="nvdisasm is not installed")


@pytest.fixture
def assembler():
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    pytest.importorskip("cuda.core", reason="cuda-core is not installed")


@needs_assembler
def test_constants_cost_no_instructions(assembler, capsys, monkeypatch):
    monkeypatch.setattr("batchgd.analysis.bench.cases.EVERY_METHOD", (Case("rastrigin", 2, 0.0025),))
    code, out, _ = shell(capsys, "bench --assemble 9.0 --method gradient_descent --dtype float64 --json")
    assert code == 0
    (kernel,) = json.loads(out)["kernels"]
    assert kernel["instructions"]["control"] <= 8  # with literals, the uniform data path put 30 halves together
    assert kernel["instructions"]["memory"] <= 14


@needs_assembler
@pytest.mark.parametrize("capability", ["8.0", "9.0"])
def test_kernels_are_read_without_a_device(assembler, capsys, monkeypatch, capability):
    monkeypatch.setattr("batchgd.analysis.bench.cases.EVERY_METHOD", (Case("himmelblau", 2, 0.004),))
    line = f"bench --assemble {capability} --method Gradient-Descent --dtype float64"
    code, out, _ = shell(capsys, f"{line} --json")
    assert code == 0
    (kernel,) = json.loads(out)["kernels"]
    executed = kernel["instructions"]
    assert (executed["fp32"], executed["special"], kernel["loops"], kernel["local_bytes"]) == (0, 0, 0, 0)
    # Gradient 11 (fused), norm 2, step 2, tests 9 comparisons and 5 products, and no more than as many again.
    assert 25 <= executed["fp64"] <= 40
    assert executed["memory"] <= 4  # what a run is given is in constant memory
    assert executed["control"] <= 8  # one branch for all that is seldom, and the one back
    assert kernel["ratio"] == kernel["executed"] / kernel["necessary"] < 1.15
    assert {*kernel["predicted"]} == ({"A100"} if capability == "8.0" else {"H100", "H200"})
    code, out, _ = shell(capsys, line)
    assert code == 0
    assert "predicted, not measured" in out


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("bench --assemble 9.9", "8.9, 9.0"),
        ("bench --assemble 9.0 --method adamm", "did you mean 'adam'"),
        ("bench --method adam", "--assemble"),
    ],
)
def test_what_cannot_be_assembled_is_refused(assembler, capsys, line, named):
    code, out, err = shell(capsys, line)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert named in err


def test_without_nvdisasm_the_package_is_named(monkeypatch):
    monkeypatch.setattr(listing, "_nvdisasm", lambda: None)
    with pytest.raises(BackendError, match="pip install nvidia-cuda-nvdisasm"):
        listing.listing_of(b"")
