import { toHex } from '../../wire/bytes.ts';
import { jsonLine, paint, printable, type Style } from '../report.ts';
import type { SurveyedWorker } from './survey.ts';

/** Ages are those of the evidence by its own clock; AMD's reports have none. */
export function workersJson(found: readonly SurveyedWorker[]): string {
  return jsonLine(JSON.stringify({ workers: found.map(factsOf) }));
}

function factsOf({ log, state, models, proof }: SurveyedWorker): object {
  const said = { log: log === undefined ? null : toHex(log), state, models };
  if (proof.kind === 'not-proven') return { ...said, proven: false, code: proof.code };
  const { worker } = proof;
  return {
    ...said,
    ...{ proven: true, code: null, level: worker.level, tee: worker.tee, image: toHex(worker.imageId) },
    configuration: toHex(worker.identity.config),
    issuedAt: worker.tee === 'aws-nitro' ? new Date(worker.attestation.timestamp).toISOString() : null,
    acceptedUntil: new Date(worker.acceptedUntil).toISOString(),
  };
}

export function workersText(found: readonly SurveyedWorker[], style: Style, now: number): string {
  if (found.length === 0) return 'the host names no worker\n';
  return found.map((one) => workerText(one, style, now)).join('');
}

function workerText({ log, state, models, proof }: SurveyedWorker, style: Style, now: number): string {
  const name = log === undefined ? 'no log yet' : toHex(log);
  const said = `  ${'host says'.padEnd(19)} ${printable(state)}, ${models.length} model(s)\n`;
  if (proof.kind === 'not-proven') {
    return `${paint(style, 31, '✗')} ${name}  not proven: ${printable(proof.code)}\n${said}`;
  }
  const { worker } = proof;
  const level = worker.level === 'simulated' ? paint(style, 33, 'simulated: nobody vouches for it') : 'attested';
  const age =
    worker.tee === 'aws-nitro'
      ? `${Math.max(0, Math.round((now - worker.attestation.timestamp) / 1_000))} s old, `
      : '';
  const rows = [
    ['hardware', `${worker.tee}, ${level}`],
    ['image', toHex(worker.imageId)],
    ['configuration', toHex(worker.identity.config)],
    ['evidence', `${age}accepted until ${new Date(worker.acceptedUntil).toISOString()}`],
  ] as const;
  const lines = rows.map(([title, value]) => `  ${title.padEnd(19)} ${value}\n`).join('');
  return `${paint(style, 32, '✓')} ${name}  proven\n${said}${lines}`;
}
