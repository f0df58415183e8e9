import { integerForm } from '../../wire/commitment/pack.ts';
import { whyUncommittable } from '../../wire/commitment/release.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { CIRCUIT_KEY_BYTES, type CircuitTensor, decodeCircuitKey } from '../../wire/message/circuit-key.ts';
import type { ManifestTensor } from '../../wire/message/manifest.ts';
import { DraftError } from './draft-error.ts';
import { findPlainFile, readPlainFile } from './plain-file.ts';
import type { ModelSignature } from './signature.ts';

/**
 * What a manifest says of the circuit key that a draft names by its path: its digest. The key has to be for what the model
 * takes and gives; that its constraints are the model's, `proofmark circuit verify` says.
 */
export async function namedCircuit(
  directory: string,
  path: string,
  { inputs, outputs }: ModelSignature,
): Promise<Uint8Array> {
  const bytes = await readPlainFile(directory, await findPlainFile(directory, path, CIRCUIT_KEY_BYTES));
  const key = decoded(bytes, path);
  const why = whyUncommittable({ kind: 'tensor', inputs, outputs });
  if (why !== undefined) throw new DraftError('circuit_refused', `no answer can be proved: ${why}`, path);
  if (!isFor(inputs, key.input) || !isFor(outputs, key.output)) {
    throw new DraftError('circuit_refused', `${path} is for other inputs or outputs than the model’s`, path);
  }
  return sha256(bytes);
}

function decoded(bytes: Uint8Array, path: string): ReturnType<typeof decodeCircuitKey> {
  try {
    return decodeCircuitKey(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new DraftError('circuit_refused', `${path} is no circuit key: ${error.message}`, path, { cause: error });
  }
}

/** One tensor of rows, as long as the circuit's. */
function isFor([tensor, ...more]: readonly ManifestTensor[], { bits, signed, count }: CircuitTensor): boolean {
  const form = tensor === undefined ? undefined : integerForm(tensor.datatype);
  const { shape = [] } = tensor ?? {};
  return more.length === 0 && form?.bits === bits && form.signed === signed && shape.length === 2 && shape[1] === count;
}
