#version 120
// One tile of a heat map: a rectangle of cells.

attribute vec2 a_corner; // 0 or 1, across and down

uniform vec4 u_tile;     // first column, first row, columns, rows of this tile
uniform vec4 u_view;     // pixels from cells: x = u_view.x * column + u_view.y, y (down) = u_view.z * row + u_view.w
uniform vec2 u_size;     // width and height of the picture, pixels

varying vec2 v_cell;     // place in the tile, 0 to 1, across and down

void main() {
    vec2 pixel = u_view.xz * (u_tile.xy + a_corner * u_tile.zw) + u_view.yw;
    v_cell = a_corner;
    gl_Position = vec4(vec2(2.0, -2.0) * pixel / u_size + vec2(-1.0, 1.0), 0.0, 1.0);
}
