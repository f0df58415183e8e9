import { toHex } from '../../../../../../wire/bytes.ts';
import { logPreimage } from '../../../../../../wire/message/identity.ts';
import { decodeTreeHead } from '../../../../../../wire/message/receipt.ts';
import { type Given, headerOf, NOTHING, named, type ProofStep, same } from './step.ts';

export async function evidenceStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const { evidence, challenge } = archive;
  const { worker } = proven;
  const { identity, attestation } = worker;
  return {
    id: 'evidence',
    title: 'The hardware vouches for one program and its key',
    settles: `${worker.level === 'attested' ? 'Hardware' : 'A simulator'} signed which image runs, and that this image holds the worker's keys. It answered a challenge that this page had just drawn, so that it is not an old recording.`,
    from: 'The document came from the host, which cannot make one; the challenge was drawn in this page.',
    comparisons: [
      same(
        'the challenge that this page drew',
        challenge.value,
        'nonce in the signed document',
        attestation.nonce ?? NOTHING,
      ),
      same(
        'SHA-256(tag || identity words)',
        await suite.sha256(logPreimage(evidence.identity)),
        'bound by the signed document',
        attestation.userData ?? NOTHING,
      ),
      same('SHA-256(configuration)', await suite.sha256(evidence.configuration), 'identity words', identity.config),
      same('SHA-256(runtime)', await suite.sha256(evidence.runtime), 'identity words', identity.runtime),
    ],
    facts: [
      { label: 'image', value: toHex(worker.imageId) },
      { label: 'root', value: attestation.root.name },
      { label: 'policy', value: worker.policy.name },
    ],
    checks: named(proven, /^(?![MRT]\d)/),
  };
}

export async function sessionStep({ archive, proven }: Given): Promise<ProofStep> {
  const { worker, receipt } = proven;
  const head = decodeTreeHead(archive.head);
  return {
    id: 'session',
    title: 'The call was sealed to that key',
    settles:
      'The handshake (Noise NK) can be finished only by whoever holds the private half of the attested seal key. The host carried records that it cannot open, change or repeat.',
    from: 'The seal key stands in the identity words, which the document binds.',
    comparisons: [same('log whose worker the session was opened with', worker.log, 'log of the signed head', head.log)],
    facts: [
      { label: 'seal key', value: toHex(worker.identity.sealKey) },
      { label: 'sealed', value: receipt.sealed ? 'end to end' : 'no' },
    ],
    checks: named(proven, /^R16$/),
  };
}

export async function releaseStep({ archive, proven, suite }: Given): Promise<ProofStep> {
  const { manifest } = proven.release;
  const header = headerOf(archive);
  return {
    id: 'release',
    title: 'The model is the release that its owner signed',
    settles: 'The model id that was asked for is the digest of the manifest, which names every file of the model.',
    from: 'The manifest and its signature came from the host; the id was put into the request here.',
    comparisons: [
      same(
        'SHA-256(manifest)',
        await suite.sha256(archive.release.manifest),
        'model id in the request',
        header.modelId,
      ),
      same('owner whose signature verified', archive.release.owner, 'owner in the manifest', manifest.owner),
    ],
    facts: [{ label: 'release', value: `${manifest.name} ${manifest.version}` }],
    checks: named(proven, /^[MT]\d/),
  };
}
