import { toHex } from '../../../wire/bytes.ts';
import { pointOfDigest, pointPreimage } from '../../../wire/commitment/point.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeChainProof } from '../../../wire/message/proof.ts';
import { readUint, uintWord } from '../../../wire/words.ts';
import { forgedProof, forgedProofFile, trapdoorKeyBytes } from '../../support/trapdoor.ts';
import type { Json } from './messages.ts';

/** Of a setup whose secrets are in test/support/trapdoor.ts: they verify, and prove nothing of any model. */
export function proofVectors(): Json {
  const commitment = new Uint8Array(32).fill(0x07);
  const fields = {
    chainId: 31_337n,
    verifier: new Uint8Array(20).fill(0x01),
    escrow: new Uint8Array(32).fill(0x02),
    modelId: new Uint8Array(32).fill(0x03),
    inputHash: new Uint8Array(32).fill(0x04),
    outputHash: new Uint8Array(32).fill(0x05),
    payee: new Uint8Array(20).fill(0x06),
    commitment,
  };
  const preimage = pointPreimage(fields);
  const point = pointOfDigest(sha256(preimage));
  const chain = [readUint(commitment), 42n, point] as const;
  const elements = [1n, 2n ** 248n - 1n];
  return {
    about:
      'Proofmark golden vector. Circuit keys, proofs (Groth16 over BN254) and points; words are 32 bytes, big-endian.',
    key: { words: toHex(trapdoorKeyBytes), digest: toHex(sha256(trapdoorKeyBytes)) },
    private: { file: new TextDecoder().decode(forgedProofFile([readUint(commitment), 0n, 0n])) },
    chain: {
      ...{ chainId: String(fields.chainId), verifier: toHex(fields.verifier), escrow: toHex(fields.escrow) },
      ...{ modelId: toHex(fields.modelId), inputHash: toHex(fields.inputHash), outputHash: toHex(fields.outputHash) },
      ...{ payee: toHex(fields.payee), commitment: toHex(commitment) },
      preimage: toHex(preimage),
      point: toHex(uintWord(point)),
      file: new TextDecoder().decode(forgedProofFile(chain)),
      elements: elements.map(String),
      proof: toHex(encodeChainProof({ commitment, points: forgedProof(chain), elements })),
    },
  };
}
