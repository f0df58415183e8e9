import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { isDistrust } from '../../../../../../client/errors.ts';
import { toHex } from '../../../../../../wire/bytes.ts';
import { webSuite } from '../../../../../../wire/crypto/web.ts';
import type { ChatMessage } from '../../../../../../wire/message/language.ts';
import { Card } from '../../../parts/card.tsx';
import type { Sample } from '../../models/samples.ts';
import { SamplePicker } from '../sample-picker.tsx';
import type { PlayProps } from '../tensor-play.tsx';
import { addText, ask, callOf, isWaiting, settle, type Turn } from './conversation.ts';
import { followAnswer } from './follow.ts';
import { TurnView } from './turn-view.tsx';
import { WishFields } from './wish-fields.tsx';
import { noWishes, readWishes, type WishProblems, type WishTexts } from './wishes.ts';

export function ChatPlay({ client, release, caught, onCaught }: PlayProps): VNode {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [question, setQuestion] = useState('');
  const [before, setBefore] = useState<readonly ChatMessage[]>([]);
  const [expected, setExpected] = useState<{ readonly question: string; readonly text: string }>();
  const [texts, setTexts] = useState<WishTexts>(noWishes);
  const [problems, setProblems] = useState<WishProblems>({});
  const [notice, setNotice] = useState<string>();
  const stop = useRef<AbortController | null>(null);
  const waiting = isWaiting(turns);
  const cannot = waiting || client === undefined || caught === 'yes';

  const fill = (sample: Sample): void => {
    if (sample.kind !== 'text-generation' || sample.request.input.kind !== 'chat') {
      setNotice(
        sample.kind === 'none' ? `The sample cannot be used: ${sample.why}.` : 'The sample is no conversation.',
      );
      return;
    }
    const { input, temperature, maxTokens, seed } = sample.request;
    const system = input.messages.find(({ role }) => role === 'system')?.content ?? '';
    const said = input.messages.filter(({ role }) => role !== 'system');
    const last = said.at(-1)?.content ?? '';
    setNotice(undefined);
    setTurns([]);
    setBefore(said.slice(0, -1));
    setQuestion(last);
    setExpected(sample.expected === undefined ? undefined : { question: last, text: sample.expected });
    setTexts({ system, temperature: textOf(temperature), seed: textOf(seed), maxTokens: textOf(maxTokens) });
  };

  const send = async (): Promise<void> => {
    const read = readWishes(texts);
    setProblems(read.problems);
    if (cannot || client === undefined || question.trim() === '' || Object.keys(read.problems).length > 0) return;
    const asked = ask(turns, question, read.wishes.seed ?? drawSeed());
    const id = asked.at(-1)?.id ?? 0;
    const call = callOf(asked, { model: toHex(release.modelId), wishes: read.wishes, before });
    if (call === undefined) return;
    stop.current = new AbortController();
    setTurns(asked);
    setQuestion('');
    const outcome = await followAnswer(client, call, {
      signal: stop.current.signal,
      onText: (text) => setTurns((now) => addText(now, id, text)),
    });
    setTurns((now) => settle(now, id, outcome));
    if (outcome.kind === 'failed' && isDistrust(outcome.error)) onCaught();
  };

  return (
    <Card title="Conversation" actions={<SamplePicker release={release} onSample={fill} />}>
      {notice === undefined ? null : (
        <p class="problem" role="alert">
          {notice}
        </p>
      )}
      {before.length === 0 ? null : <Before messages={before} onForget={() => setBefore([])} />}
      <ol class="turns" aria-label="Conversation">
        {turns.map((turn) => (
          <TurnView
            key={turn.id}
            turn={turn}
            expected={expected?.question === turn.question ? expected.text : undefined}
          />
        ))}
      </ol>
      <p class="visually-hidden" role="status">
        {statusOf(turns.at(-1))}
      </p>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <label for="question">Your message</label>
        <textarea
          id="question"
          rows={3}
          value={question}
          onInput={({ currentTarget }) => setQuestion(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            void send();
          }}
        />
        <WishFields texts={texts} problems={problems} onChange={setTexts} />
        <p class="actions">
          <button type="submit" class="primary" disabled={cannot || question.trim() === ''}>
            Ask, sealed
          </button>
          {waiting ? (
            <button type="button" onClick={() => stop.current?.abort()}>
              Stop
            </button>
          ) : null}
          {turns.length > 0 && !waiting ? (
            <button type="button" class="quiet" onClick={() => setTurns([])}>
              begin anew
            </button>
          ) : null}
          {client === undefined ? <span class="soft">Choose a policy first.</span> : null}
        </p>
      </form>
    </Card>
  );
}

function Before({
  messages,
  onForget,
}: {
  readonly messages: readonly ChatMessage[];
  readonly onForget: () => void;
}): VNode {
  return (
    <p class="soft">
      The sample begins with {messages.length} earlier message{messages.length === 1 ? '' : 's'}, sent along:{' '}
      {messages.map(({ role, content }) => `${role}: ${content}`).join(' · ')}{' '}
      <button type="button" class="quiet" onClick={onForget}>
        leave them out
      </button>
    </p>
  );
}

function statusOf(turn: Turn | undefined): string {
  switch (turn?.state.kind) {
    case undefined:
      return '';
    case 'provisional':
      return 'The answer is coming. It is provisional until its end is verified.';
    case 'verified':
      return `Verified: ${turn.text}`;
    case 'stopped':
      return 'Stopped.';
    case 'failed':
      return 'Not verified.';
  }
}

function textOf(value: number | null): string {
  return value === null ? '' : String(value);
}

/** Drawn here and shown, so that the same question can be asked again with it. */
function drawSeed(): number {
  return [...webSuite.randomBytes(6)].reduce((seed, byte) => seed * 256 + byte, 0);
}
