import type { Request, RequestHandler } from 'express';
import { encodeEvidence } from '../../../wire/message/evidence.ts';
import { encodeRegistrationEvidence } from '../../../wire/message/registration-evidence.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';
import { hexParameter, logParameter, queryValue } from '../parameters.ts';
import type { TokenBucket } from '../rate.ts';

/** How many may be asked for: each costs a worker a signature, and all clients share them. */
export type Documents = Pick<TokenBucket, 'take'>;

/** DESIGN section 3: one answer with all that a verifier needs, for the challenge of whoever asks. */
export function evidenceRoute({ workers, assemble }: AppContext, documents: Documents): RequestHandler {
  return async (request, response) => {
    const { attested, worker } = await attestedFor(request, workers, documents);
    const evidence = await assemble(attested, worker.info);
    response.type('application/json').send(Buffer.from(encodeEvidence(evidence)));
  };
}

/**
 * The same with the signer's word that registers the log, for an operator whose account is not on this machine. Anybody may
 * have it: a registry takes it from the operator that the identity names, and from nobody else.
 */
export function registrationRoute({ workers, assemble }: AppContext, documents: Documents): RequestHandler {
  return async (request, response) => {
    const { attested, worker } = await attestedFor(request, workers, documents);
    const evidence = await assemble(attested, worker.info);
    const { possession } = attested;
    const encoded = encodeRegistrationEvidence({ version: 1, evidence, possession });
    response.type('application/json').send(Buffer.from(encoded));
  };
}

async function attestedFor(
  request: Request,
  workers: AppContext['workers'],
  documents: Documents,
): Promise<Awaited<ReturnType<AppContext['workers']['attest']>>> {
  const challenge = hexParameter(queryValue(request, 'challenge'), 32);
  const log = logParameter(request);
  // Who asks while no worker is here shall not use up what others may ask for.
  if (log === undefined) workers.any();
  if (!documents.take()) throw new HttpError('rate_limited');
  return workers.attest(challenge, log === undefined ? {} : { log });
}
