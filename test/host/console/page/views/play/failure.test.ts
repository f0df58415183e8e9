import { describe, expect, it } from 'vitest';
import { ClientError, clientErrorCodes, HubError } from '../../../../../../client/index.ts';
import { failureOf } from '../../../../../../host/console/page/views/play/failure.ts';
import { codeMeanings, VerifierError } from '../../../../../../verifier/index.ts';
import { WireError } from '../../../../../../wire/errors.ts';
import { createWorld } from '../../../../../client/world.ts';

describe('a failure, as a person is told of it', () => {
  it('has an action and a meaning for each of the client’s codes', () => {
    const told = clientErrorCodes.map((code) => failureOf(new ClientError(code, 'so it is')));
    expect(told.every(({ meaning }) => meaning.length > 10)).toBe(true);
    expect(new Set(told.map(({ meaning }) => meaning)).size).toBe(clientErrorCodes.length);
    expect(new Set(told.map(({ action }) => action))).toEqual(new Set(['fix-call', 'retry', 'stop-trusting']));
    expect(told[0]).toMatchObject({ code: 'argument_invalid', reason: undefined, detail: 'so it is' });
  });

  it('means what the verifier’s code means, where that said no', () => {
    const error = new ClientError('evidence_refused', 'refused', { reason: 'challenge_mismatch' });
    expect(failureOf(error).meaning).toBe(codeMeanings.refused.challenge_mismatch);
    expect(failureOf(new ClientError('protocol_violated', 'x', { reason: 'record_invalid' })).meaning).toMatch(
      /sealed record/,
    );
    expect(failureOf(new ClientError('host_error', 'x', { reason: 'busy' })).meaning).toMatch(/proves nothing/);
  });

  it('names the check that said no, beside all others', async () => {
    const world = await createWorld();
    const caught = await world
      .client({ images: [] })
      .infer(world.call)
      .catch((error: unknown) => error);
    const { action, code, reason, failed, checks } = failureOf(caught);
    expect([action, code, reason]).toEqual(['stop-trusting', 'evidence_refused', 'image_refused']);
    expect(failed).toMatchObject({ id: 'N18.image', outcome: 'failed' });
    expect(checks.length).toBeGreaterThan(30);
  });

  it('is a hub’s as well as a host’s', () => {
    const swapped = new HubError('release_untrusted', 'another one', { reason: 'release_mismatch' });
    expect(failureOf(swapped)).toMatchObject({
      action: 'stop-trusting',
      code: 'release_untrusted',
      reason: 'release_mismatch',
    });
    expect(failureOf(swapped).meaning).toBe(codeMeanings.untrusted.release_mismatch);
    const away = failureOf(new HubError('hub_unreachable', 'nobody there'));
    expect([away.action, away.reason, away.detail]).toEqual(['retry', undefined, 'nobody there']);
  });

  it('is of this page where it is nobody else’s', () => {
    expect(failureOf(new VerifierError('policy_invalid', 'x'))).toMatchObject({
      action: 'fix-call',
      code: 'policy_invalid',
    });
    expect(failureOf(new WireError('json_malformed', 'x'))).toMatchObject({
      action: 'fix-call',
      code: 'json_malformed',
    });
    expect(failureOf(new TypeError('x'))).toMatchObject({ code: 'unexpected', detail: 'x' });
    expect(failureOf('x').detail).toBe('x');
  });
});
