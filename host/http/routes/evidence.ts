import type { RequestHandler } from 'express';
import { encodeEvidence } from '../../../wire/message/evidence.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';
import { hexParameter, logParameter, queryValue } from '../parameters.ts';
import type { TokenBucket } from '../rate.ts';

/** How many may be asked for: each costs a worker a signature, and all clients share them. */
export type Documents = Pick<TokenBucket, 'take'>;

/** DESIGN section 3: one answer with all that a verifier needs, for the challenge of whoever asks. */
export function evidenceRoute({ workers, assemble }: AppContext, documents: Documents): RequestHandler {
  return async (request, response) => {
    const challenge = hexParameter(queryValue(request, 'challenge'), 32);
    const log = logParameter(request);
    // Who asks while no worker is here shall not use up what others may ask for.
    if (log === undefined) workers.any();
    if (!documents.take()) throw new HttpError('rate_limited');
    const { attested, worker } = await workers.attest(challenge, log === undefined ? {} : { log });
    const evidence = await assemble(attested, worker.info);
    response.type('application/json').send(Buffer.from(encodeEvidence(evidence)));
  };
}
