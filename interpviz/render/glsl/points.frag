#version 120
// A smooth disc with a rim. Where points crowd, each is a plain square pixel: see u_plain.

uniform vec4 u_ground;   // colour of the rim, which is the background's; its alpha is the rim's opacity
uniform float u_rim;     // width of the rim, pixels
uniform float u_opacity; // opacity of the dot itself
uniform float u_plain;   // 1: fill the square of the point without asking for distances

varying vec4 v_fill;     // colour of the dot
varying float v_radius;  // radius of this dot, pixels
varying vec2 v_centre;   // middle of the dot, pixels from the lower left corner

void main() {
    float away = length(gl_FragCoord.xy - v_centre) - v_radius;
    float core = mix(clamp(0.5 - away, 0.0, 1.0), 1.0, u_plain) * u_opacity;
    float ring = mix(clamp(0.5 - away + u_rim, 0.0, 1.0) - clamp(0.5 - away, 0.0, 1.0), 0.0, u_plain) * u_ground.a;
    float alpha = core + ring;
    gl_FragColor = vec4((v_fill.rgb * core + u_ground.rgb * ring) / max(alpha, 0.001), alpha);
}
