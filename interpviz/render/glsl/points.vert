#version 120
// A cloud's points: 16-bit steps to pixels, colour from a palette of 256.

attribute vec2 a_position;   // steps of 1/65535 of the unit box, from -32768
attribute float a_category;  // entry of the palette, 0 to 255
attribute float a_selected;  // 1 where the point is selected, else 0

uniform vec4 u_view;         // pixels from steps: x = u_view.x * step + u_view.y, y (down) = u_view.z * step + u_view.w
uniform vec2 u_size;         // width and height of the picture, pixels
uniform float u_radius;      // radius of a dot, pixels
uniform float u_rim;         // width of the rim in the background's colour, pixels
uniform float u_plain;       // 1: the point is a square of its radius and no smooth disc
uniform sampler2D u_palette; // 256 x 1 colours by category

varying vec4 v_fill;         // colour of the dot
varying float v_radius;      // radius of this dot, pixels
varying vec2 v_centre;       // middle of the dot, pixels from the lower left corner

void main() {
    vec2 pixel = u_view.xz * a_position + u_view.yw;
    v_centre = vec2(pixel.x, u_size.y - pixel.y);
    v_radius = u_radius * (1.0 + 0.8 * a_selected);
    v_fill = texture2D(u_palette, vec2((a_category + 0.5) / 256.0, 0.5));
    gl_Position = vec4(2.0 * v_centre / u_size - 1.0, 0.0, 1.0);
    gl_PointSize = 2.0 * (v_radius + u_rim) + 2.0 * (1.0 - u_plain);
}
