"""The window: widgets, docks and menus. Decisions are made in control, pictures in render."""
