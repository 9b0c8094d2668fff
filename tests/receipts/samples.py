"""A receipt made up by hand: two models, four images, and names that look like markup."""

from __future__ import annotations

from typing import Any

CAT, DOG = "cat", "<b>dog|*"
EVIL = "dog/<img src=//evil.example/x onerror=alert(1)>.png"


def receipt() -> dict[str, Any]:
    return {
        "dataset": "pets <script>",
        "made_at": "2026-01-02T03:04:05+00:00",
        "cleaner": "0.1.0",
        "machine": {
            "processor": "A & B",
            "threads": 2,
            "system": "Linux x86_64",
            "runtime": "LiteRT 2",
        },
        "classes": [CAT, DOG],
        "test_images": 4,
        "reference": "large-1",
        "models": [
            _model("large-1", "efficientnet_lite2", [], is_reference=True),
            _model("small-1", "mobilenet_v2_1.0_224", [_MISTAKE], is_reference=False),
        ],
        "notes": ["1 test images could not be read and were left out."],
    }


_MISTAKE = {"item_id": 7, "path": EVIL, "true": DOG, "predicted": CAT, "probability": 0.75}


def _model(
    model_id: str, architecture: str, mistakes: list[dict[str, Any]], *, is_reference: bool
) -> dict[str, Any]:
    wrong = len(mistakes)
    accuracy = 1 - wrong / 4
    slow = 20.0 if is_reference else 5.0
    per_class = {
        CAT: {"images": 2, "precision": 1.0, "recall": 1.0, "f1": 1.0},
        DOG: {"images": 2, "precision": 1.0, "recall": 1 - wrong / 2, "f1": 1 - wrong / 2},
    }
    return {
        "model_id": model_id,
        "architecture": architecture,
        "created_at": "2026-01-02T03:04:05.000+00:00",
        "accuracy": accuracy,
        "accuracy_interval": [accuracy - 0.2, min(1.0, accuracy + 0.1)],
        "macro_f1": accuracy,
        "test_images": 4,
        "per_class": per_class,
        "confusion_matrix": [[2, 0], [wrong, 2 - wrong]],
        "calibration": {"ece": 0.1, "points": [{"confidence": 0.9, "accuracy": 1.0, "images": 4}]},
        "parameters": 2_260_000,
        "multiply_adds": int(slow * 4e7),
        "formats": {
            "keras": {"file": "model.keras", "size_bytes": 9_100_000, "agreement": 1.0},
            "tflite": _run("model.tflite", accuracy, slow),
            "tflite_int8": _run("model_int8.tflite", accuracy, slow / 2),
        },
        "cleaning": {"gain": 0.07, "gain_interval": [0.03, 0.11], "accuracy_before": 0.8},
        "joined": None,
        "unknown": {
            "threshold": 0.61,
            "false_rejections": 0.04,
            "caught": 0.8,
            "caught_of": 50,
        },
        "epochs": {},
        "seconds": {},
        "notes": [],
        "mistakes": mistakes,
        "is_reference": is_reference,
        "beside_reference": {
            "accuracy": accuracy - 1,
            "interval": [-0.5, 0.1],
            "times_as_fast": 20 / slow,
            "share_of_size": 0.5,
            "per_class": [
                {
                    "class": name,
                    "images": 2,
                    "recall": values["recall"],
                    "difference": values["recall"] - 1,
                    "f1_difference": values["f1"] - 1,
                }
                for name, values in per_class.items()
            ],
            "pairs": [
                {"true": DOG, "predicted": CAT, "images": 1, "difference": 1} for _ in mistakes
            ],
        },
    }


def _run(file: str, accuracy: float, milliseconds: float) -> dict[str, Any]:
    return {
        "file": file,
        "size_bytes": 9_000_000,
        "agreement": 1.0,
        "accuracy": accuracy,
        "accuracy_interval": [accuracy - 0.2, min(1.0, accuracy + 0.1)],
        "macro_f1": accuracy,
        "beside_float": {"accuracy": 0.0, "interval": [-0.1, 0.1]},
        "latency_ms": {"p50": milliseconds, "p95": milliseconds + 1},
        "images_per_second": 2000 / milliseconds,
        "peak_memory_bytes": 80_000_000,
    }
