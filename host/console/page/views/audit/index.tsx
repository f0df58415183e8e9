import type { VNode } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { WorkerPolicy } from '../../../../../verifier/index.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import { useConnection, usePolicy } from '../../connection/context.tsx';
import { Busy } from '../../parts/busy.tsx';
import { Problem } from '../../parts/problem.tsx';
import { type Audited, audit, firstWishes, problemIn, type Wishes } from './ask.ts';
import { Evidence } from './evidence.tsx';
import { type Held, nothingHeld } from './held.ts';
import { AuditReportView } from './report.tsx';
import { WishesForm } from './wishes.tsx';

interface Question {
  readonly held: Held;
  readonly wishes: Wishes;
  readonly page: WorkerPolicy | undefined;
  readonly file: WorkerPolicy | undefined;
}

type Outcome =
  | { readonly kind: 'none' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'done'; readonly audited: Audited }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Judges what the person brings. Nothing of it leaves the browser, and nothing is asked of anybody. */
export function AuditView(): VNode {
  const { now } = useConnection();
  const chosen = usePolicy();
  const page = chosen.kind === 'chosen' ? chosen.policy : undefined;
  const [held, setHeld] = useState<Held>(nothingHeld);
  const [wishes, setWishes] = useState<Wishes>(firstWishes);
  const [file, setFile] = useState<WorkerPolicy>();
  const question = useMemo<Question>(() => ({ held, wishes, page, file }), [held, wishes, page, file]);
  const [answer, setAnswer] = useState<{ readonly to: Question; readonly outcome: Outcome }>();
  // A verdict about what was asked before is not shown beside what is asked now, not for one frame.
  const outcome = answer?.to === question ? answer.outcome : before(question);

  useEffect(() => {
    const { evidence } = question.held;
    if (evidence === undefined || before(question).kind === 'none') return undefined;
    let current = true;
    const policies = { page: question.page, file: question.file };
    const asked = {
      held: { ...question.held, evidence },
      wishes: question.wishes,
      policies,
      suite: webSuite,
      now: now(),
    };
    const end = (ended: Outcome): void => {
      if (current) setAnswer({ to: question, outcome: ended });
    };
    // After the page has shown that it works: eight megabytes of JSON take a moment to read.
    const timer = setTimeout(() => {
      audit(asked).then(
        (audited) => end({ kind: 'done', audited }),
        (error: unknown) => end({ kind: 'failed', error }),
      );
    });
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [question, now]);

  return (
    <>
      <p class="soft lead">
        Judges evidence and saved answers in this browser. Nothing that you drop here leaves it, and it works with the
        network cut.
      </p>
      <Evidence held={held} onHeld={setHeld} />
      <WishesForm wishes={wishes} onWishes={setWishes} page={page} file={file} onFile={setFile} />
      {outcome.kind === 'busy' ? <Busy what="checking" /> : null}
      {outcome.kind === 'failed' ? <Problem title="The audit did not end." error={outcome.error} /> : null}
      {outcome.kind === 'done' ? <AuditReportView audited={outcome.audited} /> : null}
    </>
  );
}

function before({ held, wishes }: Question): Outcome {
  return { kind: held.evidence === undefined || problemIn(wishes) !== undefined ? 'none' : 'busy' };
}
