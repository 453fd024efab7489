from __future__ import annotations

import pytest

from interpviz.render.calibration import calibrate, is_software, judged


@pytest.mark.parametrize(
    "name",
    ["llvmpipe (LLVM 15.0.6, 256 bits)", "softpipe", "Google SwiftShader", "GDI Generic", "Software Rasterizer", ""],
)
def test_a_renderer_on_the_processor_is_known(name):
    assert is_software(name)


@pytest.mark.parametrize("name", ["NVIDIA GeForce RTX 3060/PCIe/SSE2", "Mesa Intel(R) UHD Graphics 620", "Apple M2"])
def test_a_real_gpu_is_known(name):
    assert not is_software(name)


def test_a_fast_gpu_draws_and_a_slow_one_does_not():
    assert judged("GPU", 0.004).road == "gl"
    assert judged("GPU", 0.4).road == "cpu"
    assert "400 ms" in judged("GPU", 0.4).reason


def test_llvmpipe_leaves_the_drawing_to_the_cpu(canvas):
    found = calibrate("auto", lambda: canvas)
    assert (found.road, found.renderer) == ("cpu", canvas.renderer())


def test_a_setting_overrules(canvas):
    assert calibrate("gl", lambda: canvas).road == "gl"

    def nobody_asks():
        raise AssertionError("a canvas was made")

    assert calibrate("cpu", nobody_asks).road == "cpu"


def test_without_gl_the_cpu_draws_and_the_doctor_hears_why():
    def no_gl():
        raise RuntimeError("no display\nmore than one line")

    found = calibrate("auto", no_gl)
    assert (found.road, found.renderer) == ("cpu", "")
    assert found.reason == "OpenGL does not work here: no display"
