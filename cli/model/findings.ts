import type { OnnxErrorCode } from '../../enclave/worker/model/onnx-error.ts';

/** Codes are API: a script may let some of them pass. */
export type FindingCode =
  | OnnxErrorCode
  /** The engine, or what stands around it in the worker, would not take the model. */
  | 'model_refused'
  /** A manifest cannot say what the model takes or gives. */
  | 'signature_refused'
  | 'draft_refused'
  | 'execution_refused'
  /** It names a circuit, and no receipt could commit to its tensors. */
  | 'circuit_refused'
  | 'sample_refused'
  | 'sample_differs'
  | 'not_deterministic'
  | 'rows_dependent'
  | 'run_failed'
  | 'free_dimensions'
  | 'constant_inputs'
  | 'rows_alone'
  | 'no_samples'
  | 'no_card'
  | 'no_chat_template'
  | 'engine_not_asked';

/**
 * `refused`: no worker would load it so. `wrong`: it would be loaded, and breaks what its release says. `note`: worth
 * knowing, and nothing against either.
 */
export type Severity = 'refused' | 'wrong' | 'note';

export interface Finding {
  readonly severity: Severity;
  readonly code: FindingCode;
  /** The first few places, as a person finds them: a node's name and number, a tensor, a file. */
  readonly where: readonly string[];
  /** How many places there are. */
  readonly count: number;
  readonly what: string;
  /** What to do about it; empty where nothing need be done. */
  readonly advice: string;
}

export interface Remark extends Omit<Finding, 'where' | 'count'> {
  readonly where: string;
}

const SHOWN_PLACES = 5;

/** Ten thousand nodes of one refused kind are one thing to say. */
export function gather(remarks: Iterable<Remark>): readonly Finding[] {
  const gathered = new Map<string, { readonly first: Remark; readonly places: string[]; count: number }>();
  for (const remark of remarks) {
    const key = JSON.stringify([remark.code, remark.what]);
    const known = gathered.get(key) ?? { first: remark, places: [], count: 0 };
    known.count += 1;
    if (known.places.length < SHOWN_PLACES) known.places.push(remark.where);
    gathered.set(key, known);
  }
  return [...gathered.values()].map(({ first, places, count }) => ({ ...first, where: places, count }));
}

export function refusedRemark(code: FindingCode, where: string, what: string, advice: string): Remark {
  return { severity: 'refused', code, where, what, advice };
}

export function wrongRemark(code: FindingCode, where: string, what: string, advice: string): Remark {
  return { severity: 'wrong', code, where, what, advice };
}

export function noteRemark(code: FindingCode, where: string, what: string, advice = ''): Remark {
  return { severity: 'note', code, where, what, advice };
}
