import { quantile, startLoadGenerator } from '../bench/serving/load.ts';
import { httpRequest, parseHttpAnswer } from '../support/http-bytes.ts';
import type { Row } from '../support/mlp-rows.ts';

export interface PeakResult {
  readonly connections: number;
  readonly answered: number;
  readonly turnedAway: number;
  /** Milliseconds until a call was told to come later. */
  readonly turnedAwayP50Ms: number;
  readonly turnedAwayP99Ms: number;
  /** Answers that are neither a result nor a proper refusal. */
  readonly wrong: readonly string[];
}

/** Nearly five times as many callers as the demo's worker takes at a time; who is turned away comes back as late as it was told. */
const CONNECTIONS = 300;
const MEASURE_MS = 3_000;
const RETRY_AFTER_MS = 1_000;

export async function runPeak(url: string, row: Row): Promise<PeakResult> {
  const load = startLoadGenerator();
  try {
    const { latencies, kept } = await load.run({
      port: Number(new URL(url).port),
      connections: CONNECTIONS,
      warmUpMs: 500,
      measureMs: MEASURE_MS,
      requests: [
        httpRequest(
          '/v2/models/demo-mlp/infer',
          {
            'Content-Type': 'application/octet-stream',
            'Inference-Header-Content-Length': String(row.encoded.jsonLength),
          },
          row.encoded.body,
        ),
      ],
      once: false,
      keepEvery: 1,
      pauseMs: RETRY_AFTER_MS,
    });
    const turnedAway = latencies['503'] ?? new Float64Array(0);
    return {
      connections: CONNECTIONS,
      answered: latencies['200']?.length ?? 0,
      turnedAway: turnedAway.length,
      turnedAwayP50Ms: quantile(turnedAway, 0.5),
      turnedAwayP99Ms: quantile(turnedAway, 0.99),
      wrong: kept.flatMap(({ answer }) => faultOf(answer)),
    };
  } finally {
    await load.stop();
  }
}

function faultOf(bytes: Uint8Array): readonly string[] {
  const { status, headers, body } = parseHttpAnswer(bytes);
  if (status === 200) return headers.has('proofmark-receipt') ? [] : ['an answer without a receipt'];
  if (status !== 503) return [`HTTP ${status}`];
  const text = Buffer.from(body).toString();
  return /^[0-9]+$/.test(headers.get('retry-after') ?? '') && text.includes('"busy"') ? [] : [`HTTP 503 ${text}`];
}
