package dev.lowrank.tensor;

import java.util.Arrays;
import java.util.SplittableRandom;

/// Blocks of 256 weights on which quantisers differ when a detail of them does. All are finite, and their
/// scales fit a half.
final class EdgeBlocks {
    private EdgeBlocks() {}

    static float[] constant(float value) {
        var values = new float[256];
        Arrays.fill(values, value);
        return values;
    }

    enum Shape {
        SINGLE_OUTLIER {
            @Override
            float value(SplittableRandom random, int i, int outlier) {
                return i == outlier ? 40 : (float) random.nextGaussian() * 0.01f;
            }
        },
        ALMOST_ALL_ZERO {
            @Override
            float value(SplittableRandom random, int i, int outlier) {
                return i % 37 == outlier % 37 ? (float) random.nextGaussian() : 0;
            }
        },
        ZERO_SUB_BLOCKS {
            @Override
            float value(SplittableRandom random, int i, int outlier) {
                return (i / 16 & outlier) == 0 ? 0 : (float) random.nextGaussian();
            }
        },
        TIES {
            @Override
            float value(SplittableRandom random, int i, int outlier) {
                return i % 32 == 0 ? -8 : (random.nextInt(33) - 16) * 0.5f;
            }
        },
        POSITIVE {
            @Override
            float value(SplittableRandom random, int i, int outlier) {
                return 1 + random.nextFloat();
            }
        },
        NEGATIVE {
            @Override
            float value(SplittableRandom random, int i, int outlier) {
                return -1 - random.nextFloat() * 0.001f;
            }
        },
        MANY_MAGNITUDES {
            @Override
            float value(SplittableRandom random, int i, int outlier) {
                return (float) (random.nextGaussian() * Math.pow(10, random.nextInt(12) - 8));
            }
        },
        SUBNORMAL {
            @Override
            float value(SplittableRandom random, int i, int outlier) {
                return Float.intBitsToFloat(random.nextInt(1 << 23) | (random.nextInt(2) << 31));
            }
        },
        BARELY_NORMAL {
            @Override
            float value(SplittableRandom random, int i, int outlier) {
                return (float) random.nextGaussian() * 1e-36f;
            }
        },
        LARGE {
            @Override
            float value(SplittableRandom random, int i, int outlier) {
                return (random.nextFloat() - 0.5f) * 60_000;
            }
        };

        abstract float value(SplittableRandom random, int i, int outlier);

        float[] values(int seed) {
            var random = new SplittableRandom(seed);
            var outlier = random.nextInt(256);
            var values = new float[256];
            for (var i = 0; i < values.length; i++) {
                values[i] = value(random, i, outlier);
            }
            return values;
        }
    }
}
