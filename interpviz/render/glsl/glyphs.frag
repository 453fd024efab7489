#version 120
// Signed distances to the shapes of kernels.distance.

varying vec4 v_fill;   // colour inside, 0 to 1
varying vec4 v_rim;    // colour of the rim, 0 to 1
varying vec3 v_form;   // shape, radius, width of the rim
varying vec2 v_centre; // middle of the glyph, pixels from the lower left corner

float box(vec2 at, vec2 half_size, float corner) {
    vec2 d = abs(at) - half_size + corner;
    return length(max(d, 0.0)) + min(max(d.x, d.y), 0.0) - corner;
}

float shape(vec2 at, float radius) {
    if (v_form.x < 0.5) return length(at) - radius;
    if (v_form.x < 1.5) return box(at, vec2(0.88 * radius), 0.18 * radius);
    if (v_form.x < 2.5) return (abs(at.x) + abs(at.y) - 1.25 * radius) * 0.7071067811865476;
    return box(at, vec2(1.3, 0.8) * radius, 0.8 * radius);
}

void main() {
    float away = shape(gl_FragCoord.xy - v_centre, v_form.y);
    float core = clamp(0.5 - away, 0.0, 1.0);
    float ring = (clamp(0.5 - away + v_form.z, 0.0, 1.0) - core) * v_rim.a;
    core *= v_fill.a;
    float alpha = core + ring;
    gl_FragColor = vec4((v_fill.rgb * core + v_rim.rgb * ring) / max(alpha, 0.001), alpha);
}
