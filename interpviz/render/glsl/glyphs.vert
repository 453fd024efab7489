#version 120
// Shapes with a rim: the nodes of a circuit, the marks in a cloud.

attribute vec2 a_position;   // unit box
attribute float a_radius;    // pixels
attribute float a_shape;     // 0 circle, 1 square, 2 diamond, 3 pill
attribute vec4 a_fill;       // colour inside, 0 to 255
attribute vec4 a_rim;        // colour of the rim, 0 to 255
attribute float a_rim_width; // pixels outside the radius

uniform vec4 u_view;         // pixels from the unit box: x = u_view.x * x + u_view.y, y (down) = u_view.z * y + u_view.w
uniform vec2 u_size;         // width and height of the picture, pixels

varying vec4 v_fill;         // colour inside, 0 to 1
varying vec4 v_rim;          // colour of the rim, 0 to 1
varying vec3 v_form;         // shape, radius, width of the rim
varying vec2 v_centre;       // middle of the glyph, pixels from the lower left corner

void main() {
    vec2 pixel = u_view.xz * a_position + u_view.yw;
    v_centre = vec2(pixel.x, u_size.y - pixel.y);
    v_form = vec3(a_shape, a_radius, a_rim_width);
    v_fill = a_fill / 255.0;
    v_rim = a_rim / 255.0;
    gl_Position = vec4(2.0 * v_centre / u_size - 1.0, 0.0, 1.0);
    gl_PointSize = 2.0 * (1.3 * a_radius + a_rim_width) + 2.0;
}
