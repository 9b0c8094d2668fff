"""What the MobileNets of keras.applications weigh and cost, counted once on the built networks."""

from __future__ import annotations

from collections.abc import Mapping

COSTS: Mapping[str, tuple[int, int]] = {
    "mobilenet_v1_0.25_128": (218_544, 13_314_048),
    "mobilenet_v1_0.25_160": (218_544, 20_803_200),
    "mobilenet_v1_0.25_192": (218_544, 29_956_608),
    "mobilenet_v1_0.25_224": (218_544, 40_774_272),
    "mobilenet_v1_0.5_128": (829_536, 48_648_192),
    "mobilenet_v1_0.5_160": (829_536, 76_012_800),
    "mobilenet_v1_0.5_192": (829_536, 109_458_432),
    "mobilenet_v1_0.5_224": (829_536, 148_985_088),
    "mobilenet_v1_0.75_128": (1_832_976, 106_002_432),
    "mobilenet_v1_0.75_160": (1_832_976, 165_628_800),
    "mobilenet_v1_0.75_192": (1_832_976, 238_505_472),
    "mobilenet_v1_0.75_224": (1_832_976, 324_632_448),
    "mobilenet_v1_1.0_128": (3_228_864, 185_376_768),
    "mobilenet_v1_1.0_160": (3_228_864, 289_651_200),
    "mobilenet_v1_1.0_192": (3_228_864, 417_097_728),
    "mobilenet_v2_0.35_96": (410_208, 10_654_128),
    "mobilenet_v2_0.35_128": (410_208, 18_940_672),
    "mobilenet_v2_0.35_160": (410_208, 29_594_800),
    "mobilenet_v2_0.35_192": (410_208, 42_616_512),
    "mobilenet_v2_0.35_224": (410_208, 58_005_808),
    "mobilenet_v2_0.5_96": (706_224, 17_605_440),
    "mobilenet_v2_0.5_128": (706_224, 31_298_560),
    "mobilenet_v2_0.5_160": (706_224, 48_904_000),
    "mobilenet_v2_0.5_192": (706_224, 70_421_760),
    "mobilenet_v2_0.5_224": (706_224, 95_851_840),
    "mobilenet_v2_0.75_96": (1_382_064, 38_165_472),
    "mobilenet_v2_0.75_128": (1_382_064, 67_849_728),
    "mobilenet_v2_0.75_160": (1_382_064, 106_015_200),
    "mobilenet_v2_0.75_192": (1_382_064, 152_661_888),
    "mobilenet_v2_0.75_224": (1_382_064, 207_789_792),
    "mobilenet_v2_1.0_96": (2_257_984, 55_009_152),
    "mobilenet_v2_1.0_128": (2_257_984, 97_794_048),
    "mobilenet_v2_1.0_160": (2_257_984, 152_803_200),
    "mobilenet_v2_1.0_192": (2_257_984, 220_036_608),
    "mobilenet_v2_1.3_224": (3_766_048, 507_710_560),
    "mobilenet_v2_1.4_224": (4_363_712, 580_403_824),
    "mobilenet_v3-large_0.75_224": (1_808_736, 152_359_024),
    "mobilenet_v3-large_1.0_224": (2_996_352, 214_080_960),
    "mobilenet_v3-small_0.75_224": (583_160, 41_932_976),
    "mobilenet_v3-small_1.0_224": (939_120, 54_896_576),
}
"""Name -> parameters without the top, and multiplications with addition a photo."""
