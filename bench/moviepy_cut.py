"""The same film as people make it with MoviePy: the peer our cut is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from moviepy import (
    AudioFileClip,
    CompositeAudioClip,
    CompositeVideoClip,
    ImageClip,
    VideoFileClip,
    afx,
    concatenate_videoclips,
    vfx,
)

from adgen.providers.film import Cut

FPS = 30
CROSSFADE = 0.5
CARD = 1.0
# As ours: the clips' own sound under the music, the strip's fade of eight frames.
OWN_SOUND = 0.35
STRIP_FADE = 8 / FPS


def cut(ours: Cut, out: Path) -> None:
    """Cards, clips with crossfades, lower third, both sounds: mixed and encoded as our film is."""
    opened = [VideoFileClip(str(clip)) for clip in ours.clips]
    cards = [ImageClip(str(card), duration=CARD) for card in (ours.intro, ours.outro)]
    body = _with_strip(_body(opened, ours.size), ours)
    film = concatenate_videoclips([cards[0], body, cards[1]])
    own = [film.audio.with_effects([afx.MultiplyVolume(OWN_SOUND)])] if film.audio else []
    effects = [
        afx.AudioLoop(duration=film.duration),
        afx.MultiplyVolume(0.7),
        afx.AudioFadeIn(1),
        afx.AudioFadeOut(1.5),
    ]
    with AudioFileClip(str(ours.music)) as sound:
        mixed = CompositeAudioClip([*own, sound.with_effects(effects)])
        film.with_audio(mixed.with_duration(film.duration)).write_videofile(
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


def _with_strip(body: CompositeVideoClip, ours: Cut) -> CompositeVideoClip:
    strip = ours.strip
    if strip is None:
        return body
    fades = [vfx.CrossFadeIn(STRIP_FADE), vfx.CrossFadeOut(STRIP_FADE)]
    seconds = min(strip.seconds, body.duration - strip.start)
    layer = ImageClip(str(strip.path), duration=seconds, transparent=True)
    shown = layer.with_effects(fades).with_start(strip.start)
    return CompositeVideoClip([body, shown.with_position((strip.left, strip.top))], size=ours.size)


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
