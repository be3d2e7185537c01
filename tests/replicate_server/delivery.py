"""The files a prediction delivers, made when first fetched, whole or spoilt."""

from __future__ import annotations

from tests.replicate_server import media
from tests.replicate_server.faults import DELIVERY, Fault
from tests.replicate_server.predictions import Prediction
from tests.replicate_server.schemas import Kind
from tests.replicate_server.wire import Reply


def spoiling(prediction: Prediction, number: str) -> Fault | None:
    """The delivery fault of this download, counted off."""
    chosen = prediction.chosen
    if chosen.fault not in DELIVERY:
        return None
    prediction.downloads[number] = done = prediction.downloads.get(number, 0) + 1
    return chosen.fault if done <= int(chosen.options.get("downloads", 1)) else None


def reply_for(prediction: Prediction, name: str, number: str, fault: Fault | None) -> Reply:
    """The download, cut short or dripping if its fault says so."""
    reply = Reply(200, body := output_bytes(prediction, name, number), media.content_type(name))
    if fault is Fault.TRUNCATED:
        reply.cut = len(body) * 2 // 3
    elif fault is Fault.SLOW_DRIP:
        reply.drip = prediction.chosen.seconds(2)
    return reply


def output_bytes(prediction: Prediction, name: str, number: str) -> bytes:
    """The bytes of one output file, the same at each download and unlike any other's."""
    ending, mark = name.rpartition(".")[2], prediction.id[:25] + number[-1]
    inputs = prediction.input
    match prediction.model.kind:
        case Kind.CLIP:
            frames, fps = media.clip_frames(prediction.model.name, inputs)
            return media.clip(prediction.image, frames, fps, mark)
        case Kind.AUDIO:
            return media.tone(int(inputs.get("duration", 8)), ending, mark)
        case _:
            return media.picture(inputs, ending, mark)
