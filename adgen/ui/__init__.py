"""What the browser sees: navigation, the state cache, widgets and components."""
