"""Doors to the outside: models, storage, ffmpeg, photos, music. One file a door."""
