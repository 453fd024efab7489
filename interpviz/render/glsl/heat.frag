#version 120
// A value's colour: the limits are uniforms, so a new contrast uploads nothing.

uniform sampler2D u_values; // one number a cell; over 1e34 where there is no value
uniform sampler2D u_table;  // 256 x 1: 0 to 254 over the limits, 255 for a missing value
uniform vec2 u_limits;      // lower limit, and entries per unit above it

varying vec2 v_cell;        // place in the tile, 0 to 1, across and down

void main() {
    float value = texture2D(u_values, v_cell).r;
    float level = clamp(floor((value - u_limits.x) * u_limits.y), 0.0, 254.0);
    float entry = value > 1.0e34 ? 255.0 : level;
    gl_FragColor = texture2D(u_table, vec2((entry + 0.5) / 256.0, 0.5));
}
