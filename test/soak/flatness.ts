/** One look at one process. */
export interface Sample {
  /** Seconds since the soak began. */
  readonly at: number;
  readonly value: number;
}

export interface Trend {
  readonly mean: number;
  /** What the straight line through all samples gains from the first to the last of them. */
  readonly growth: number;
}

/** Least squares. A line and not two ends: a collector's saw-tooth is no trend, wherever the samples begin and end. */
export function trendOf(samples: readonly Sample[]): Trend {
  const count = samples.length;
  const mean = (read: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + read(sample), 0) / Math.max(1, count);
  const middle = mean(({ at }) => at);
  const level = mean(({ value }) => value);
  let covariance = 0;
  let variance = 0;
  for (const { at, value } of samples) {
    covariance += (at - middle) * (value - level);
    variance += (at - middle) ** 2;
  }
  const span = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0);
  return { mean: level, growth: variance === 0 ? 0 : (covariance / variance) * span };
}
