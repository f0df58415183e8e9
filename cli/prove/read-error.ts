/**
 * Why a model is no integer program: what it takes and gives (`signature`), a constant that is not there or not of
 * integers (`constant`), nodes that are no chain (`not_a_chain`), an operator that is none of those read here
 * (`operator`), and one that is, with numbers for which it would not be exact (`not_exact`).
 */
type ReadErrorCode = 'signature' | 'constant' | 'not_a_chain' | 'operator' | 'not_exact';

export class ReadError extends Error {
  override readonly name = 'ReadError';
  readonly code: ReadErrorCode;
  /** The node as the file names it, or by its place and operator. */
  readonly node: string;

  constructor(code: ReadErrorCode, node: string, why: string) {
    super(`${node}: ${why}`);
    this.code = code;
    this.node = node;
  }
}
