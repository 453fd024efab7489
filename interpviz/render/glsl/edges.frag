#version 120
// A ribbon whose border is as soft as a pixel.

varying vec4 v_colour;  // colour of the edge
varying float v_half;   // half of the width, pixels
varying float v_across; // distance from the middle of the ribbon, pixels, signed

void main() {
    float cover = clamp(v_half + 0.5 - abs(v_across), 0.0, 1.0);
    gl_FragColor = vec4(v_colour.rgb, v_colour.a * cover);
}
