"""Pictures: a GL road (vispy, own shaders) and a CPU road (numba, numpy) that draw the same. Knows only core.

`calibration` chooses the road. CPU road: `density.cloud_image`, `circuits.circuit_image`, `indexed`. GL road: `canvas`
with `points`, `edges`, `heat`. Both share `camera`, `colormaps`, `tiles`, `layout`, `labels` and `pick`.
Sizes are (width, height) in device pixels, images (height, width, 4) u1 with row 0 at the top.
"""
