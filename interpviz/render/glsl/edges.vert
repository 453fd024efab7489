#version 120
// A curved edge as a ribbon. The path is that of curves.point.

attribute vec4 a_ends;   // x, y of source and of target, unit box
attribute vec2 a_place;  // how far along the path, 0 to 1, and which side of it, -1 or 1
attribute float a_width; // logical pixels
attribute vec4 a_colour; // 0 to 255
attribute float a_rank;  // 0 for the most important edge

uniform vec4 u_view;     // pixels from the unit box: x = u_view.x * x + u_view.y, y (down) = u_view.z * y + u_view.w
uniform vec2 u_size;     // width and height of the picture, pixels
uniform float u_scale;   // pixels per logical pixel
uniform float u_kept;    // edges of this rank or more are not drawn

varying vec4 v_colour;   // colour, its alpha lower where the edge is thinner than a pixel
varying float v_half;    // half of the width, pixels
varying float v_across;  // distance from the middle of the ribbon, pixels, signed

vec2 along(vec2 from, vec2 to, float t) {
    vec2 way = to - from;
    float ease = t * t * (3.0 - 2.0 * t);
    float lift = t * (1.5 - t * (1.5 - t));
    float bow = min(0.1 * abs(way.y), 24.0) * exp(-abs(way.x) / 24.0);
    return from + vec2(way.x * ease - bow * 4.0 * t * (1.0 - t), way.y * lift);
}

void main() {
    vec2 from = u_view.xz * a_ends.xy + u_view.yw;
    vec2 to = u_view.xz * a_ends.zw + u_view.yw;
    float t = a_place.x;
    vec2 ahead = along(from, to, t + 0.02) - along(from, to, t - 0.02);
    vec2 sideways = vec2(-ahead.y, ahead.x) / max(length(ahead), 0.000001);
    float width = a_width * u_scale;
    v_half = 0.5 * max(width, 1.0);
    v_across = a_place.y * (v_half + 1.0);
    v_colour = a_colour / 255.0 * vec4(1.0, 1.0, 1.0, min(width, 1.0));
    vec2 pixel = along(from, to, t) + sideways * v_across;
    vec2 clip = vec2(2.0, -2.0) * pixel / u_size + vec2(-1.0, 1.0);
    gl_Position = a_rank < u_kept ? vec4(clip, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
}
