import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { challengeDateMessage, encodeCosigned, headDateMessage } from '../../../wire/message/anchor.ts';
import { describeKey, filler, sign, testKey } from './keys.ts';
import type { Json } from './messages.ts';

const cosigner = testKey('cosigner');
const TIME = 1_900_000_000n;

/** What third parties sign about time: words, signature, and both in the form that archives carry. */
export function anchorVectors(): Json {
  const head = {
    log: filler('log'),
    size: 6n,
    root: filler('root'),
    document: sha256(filler('attestation document', 640)),
    time: TIME,
  };
  const challenge = { time: TIME - 60n, nonce: filler('nonce') };
  const evidence = cosigned(headDateMessage(head));
  const preimage = cosigned(challengeDateMessage(challenge));
  return {
    about: 'Proofmark golden vector. TEST VECTORS ONLY: every private key in here is public.',
    cosigner: describeKey(cosigner),
    head: {
      fields: {
        log: toHex(head.log),
        size: head.size.toString(),
        root: toHex(head.root),
        document: toHex(head.document),
        time: head.time.toString(),
      },
      ...evidence,
    },
    challenge: {
      fields: { time: challenge.time.toString(), nonce: toHex(challenge.nonce) },
      ...preimage,
      value: toHex(sha256(Uint8Array.from(Buffer.from(preimage.cosigned, 'hex')))),
    },
  };
}

function cosigned(message: Uint8Array): {
  readonly words: string;
  readonly signature: string;
  readonly cosigned: string;
} {
  const signature = sign(cosigner, message);
  const key = cosigner.point.slice(1);
  return {
    words: toHex(message),
    signature: toHex(signature),
    cosigned: toHex(encodeCosigned({ message, cosigner: key, signature })),
  };
}
