import { webSuite } from '../../wire/crypto/web.ts';
import { type Case, judgeAll } from './judge.ts';

/** Runs in the browser: asks its server for the cases, and tells it what came of them. */
async function main(): Promise<void> {
  const cases = (await (await fetch('/cases')).json()) as readonly Case[];
  let outcome: object;
  try {
    outcome = { userAgent: navigator.userAgent, outcomes: await judgeAll(cases, webSuite) };
  } catch (error) {
    outcome = { error: error instanceof Error ? (error.stack ?? error.message) : 'not an error' };
  }
  await fetch('/outcome', { method: 'POST', body: JSON.stringify(outcome) });
}

void main();
