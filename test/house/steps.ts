import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';

export interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface StepResult {
  readonly name: string;
  readonly seconds: number;
  readonly passed: boolean;
  readonly output: string;
}

const LOCAL_BINARIES = join(process.cwd(), 'node_modules', '.bin');

/** Runs one command with the project's own binaries first in the path, and keeps what it says. */
export function runStep(step: Step): Promise<StepResult> {
  const started = process.hrtime.bigint();
  return new Promise((resolve) => {
    const child = spawn(step.command, step.args, {
      env: { ...process.env, PATH: `${LOCAL_BINARIES}${delimiter}${process.env['PATH'] ?? ''}`, ...step.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: step.cwd ?? process.cwd(),
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const finish = (passed: boolean): void => {
      resolve({ name: step.name, seconds: Number(process.hrtime.bigint() - started) / 1e9, passed, output });
    };
    child.on('error', (error) => {
      output += error.message;
      finish(false);
    });
    child.on('close', (code, signal) => {
      if (signal !== null) output += `\nended by ${signal}`;
      finish(code === 0);
    });
  });
}

/** One line for a step that passed; everything it said for one that failed. */
export function reportStep(result: StepResult): void {
  console.log(`${result.passed ? 'ok  ' : 'FAIL'} ${result.name.padEnd(12)} ${result.seconds.toFixed(1)} s`);
  if (!result.passed) console.log(result.output.trimEnd());
}
