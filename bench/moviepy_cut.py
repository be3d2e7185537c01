"""The same film as people make it with MoviePy: the peer our cut is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from moviepy import (
    AudioFileClip,
    CompositeVideoClip,
    ImageClip,
    VideoFileClip,
    afx,
    concatenate_videoclips,
    vfx,
)

FPS = 30
CROSSFADE = 0.5
CARD = 1.0


def cut(
    clips: Sequence[Path], intro: Path, outro: Path, music: Path, size: tuple[int, int], out: Path
) -> None:
    """Cards, clips with crossfades, music: scaled, mixed and encoded as our film is."""
    opened = [VideoFileClip(str(clip), audio=False) for clip in clips]
    cards = [ImageClip(str(card), duration=CARD) for card in (intro, outro)]
    film = concatenate_videoclips([cards[0], _body(opened, size), cards[1]])
    effects = [
        afx.AudioLoop(duration=film.duration),
        afx.MultiplyVolume(0.7),
        afx.AudioFadeIn(1),
        afx.AudioFadeOut(1.5),
    ]
    with AudioFileClip(str(music)) as sound:
        film.with_audio(sound.with_effects(effects)).write_videofile(
            str(out),
            fps=FPS,
            codec="libx264",
            preset="medium",
            audio_codec="aac",
            audio_bitrate="192k",
            ffmpeg_params=["-crf", "23", "-pix_fmt", "yuv420p", "-movflags", "+faststart"],
            temp_audiofile_path=str(out.parent),
            logger=None,
        )
    for clip in opened:
        clip.close()


def _body(clips: Sequence[VideoFileClip], size: tuple[int, int]) -> CompositeVideoClip:
    layers, start = [], 0.0
    for i, clip in enumerate(clips):
        # Aspect kept: the side that would stick out decides.
        layer = clip.resized(min(size[0] / clip.w, size[1] / clip.h)).with_position("center")
        if i:
            start -= CROSSFADE
            layer = layer.with_effects([vfx.CrossFadeIn(CROSSFADE)])
        layers.append(layer.with_start(start))
        start += clip.duration
    return CompositeVideoClip(layers, size=size)
