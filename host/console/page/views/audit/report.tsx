import type { VNode } from 'preact';
import {
  type AuditReport,
  type DateWord,
  type Fact,
  type Lifetime,
  meaningOf,
  verdictMeanings,
} from '../../../../../client/audit/index.ts';
import { type Phase, phasesOf } from '../../../../../client/audit/phases.ts';
import {
  challengeSentence,
  dateLine,
  inputSentence,
  judgementSentence,
  levelSentence,
  lifetimeWords,
  policySentence,
  shortTime,
  standingWords,
  valueLines,
} from '../../../../../client/audit/words.ts';
import { Card } from '../../parts/card.tsx';
import { CheckList } from '../../parts/check-list.tsx';
import { Download } from '../../parts/download.tsx';
import { FactList, type ShownFact } from '../../parts/fact-list.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { plainText } from '../../parts/words.ts';
import { type Audited, savedName } from './ask.ts';
import { Levels } from './levels.tsx';
import { TrustChain } from './trust-chain.tsx';

export function AuditReportView({ audited }: { readonly audited: Audited }): VNode {
  const { report, html, json } = audited;
  const { input, trust, groups, checks, notProven } = report;
  return (
    <div class="audit-report">
      <Conclusion report={report} />
      <p class="saves">
        <Download name={savedName(input.name, 'html')} type="text/html" bytes={() => html} label="Save as HTML" />
        <Download name={savedName(input.name, 'json')} type="application/json" bytes={() => json} label="Save JSON" />
        <span class="soft">the same files that proofmark audit writes</span>
      </p>
      <Card title="What was judged">
        <FactList facts={summaryOf(report)} />
      </Card>
      {trust.length === 0 ? null : (
        <Card title="Chain of trust">
          <p class="soft">Read from the top: each step holds only if the one above it does.</p>
          <TrustChain links={trust} />
        </Card>
      )}
      <Levels levels={report.levels} />
      <Times report={report} />
      {notProven.length === 0 ? null : (
        <Card title="What this does not prove">
          <ul class="open">
            {notProven.map(({ id, reason }) => (
              <li key={id}>{plainText(reason)}</li>
            ))}
          </ul>
        </Card>
      )}
      {groups.map(({ key, title, standing, facts }) => (
        <Card key={key} title={title} aside={<span class={`tag ${standing}`}>{standingWords[standing]}</span>}>
          <FactList facts={facts.map(shown)} />
        </Card>
      ))}
      <Card title="Every check, in the order in which they ran">
        <p class="soft">What passed as a whole is folded up.</p>
        {phasesOf(checks).map((phase, index) => (
          <PhaseView key={`${index} ${phase.title}`} phase={phase} />
        ))}
      </Card>
    </div>
  );
}

function PhaseView({ phase }: { readonly phase: Phase }): VNode {
  const { title, checks } = phase;
  const passed = checks.filter(({ outcome }) => outcome === 'passed').length;
  if (passed < checks.length) return <CheckList title={title} checks={checks} />;
  return (
    <details class="phase">
      <summary>
        {title}: all {passed} passed
      </summary>
      <CheckList title={title} checks={checks} />
    </details>
  );
}

function Conclusion({ report }: { readonly report: AuditReport }): VNode {
  const { verdict, code, level, input, checks, advice } = report;
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  return (
    <Verdict
      verdict={verdict}
      of={plainText(input.name)}
      code={code ?? undefined}
      meaning={code === null ? verdictMeanings[verdict] : `${verdictMeanings[verdict]} Here: ${meaningOf(code)}.`}
      level={level}
    >
      {failed.length === 0 ? null : (
        <ul class="reasons">
          {failed.map(({ id, title, detail }) => (
            <li key={id}>
              <code>{id}</code> {title}
              <span class="detail">found: {plainText(detail)}</span>
            </li>
          ))}
        </ul>
      )}
      {advice.map((line) => (
        <p key={line} class="advice">
          {plainText(line)}
        </p>
      ))}
    </Verdict>
  );
}

function summaryOf(report: AuditReport): readonly ShownFact[] {
  const { input } = report;
  return [
    { label: 'input', value: `${plainText(input.name)}: ${inputSentence(report)}` },
    { label: 'SHA-256', value: <code>{input.sha256 === '' ? '–' : input.sha256}</code> },
    { label: 'judged', value: judgementSentence(report) },
    { label: 'policy', value: policySentence(report) },
    { label: 'challenge', value: challengeSentence(report) },
    { label: 'level', value: levelSentence(report) },
  ];
}

/** Digests and keys are read digit by digit, so they get a face in which digits differ. */
function shown({ label, value }: Fact): ShownFact {
  const lines = valueLines(value);
  const isHex = lines.some((line) => /[0-9a-f]{32}/.test(line));
  const text = lines.map((line) => (
    <span key={line} class="line">
      {isHex ? <code>{line}</code> : line}
    </span>
  ));
  return { label, value: text };
}

function Times({ report }: { readonly report: AuditReport }): VNode | null {
  const { judgement, dates, lifetimes } = report;
  if (judgement === null) return null;
  return (
    <Card title="When, and what has ended since">
      <h3>Who dated it</h3>
      <ul class="open">
        {dates.map((word) => (
          <DateItem key={`${word.of} ${word.by}`} word={word} />
        ))}
      </ul>
      <h3>What ends, and what that means</h3>
      <p class="soft">By this machine’s clock: {shortTime(judgement.readAt)}.</p>
      <ul class="open">
        {lifetimes.map((one) => (
          <LifetimeItem key={`${one.kind} ${one.title} ${one.until}`} one={one} />
        ))}
      </ul>
    </Card>
  );
}

function DateItem({ word }: { readonly word: DateWord }): VNode {
  return (
    <li class={word.counts ? 'counted' : 'uncounted'}>
      <strong>{word.of}</strong> {dateLine(word)}
      <span class="detail">
        {plainText(word.by)}: {word.meaning}
      </span>
    </li>
  );
}

function LifetimeItem({ one }: { readonly one: Lifetime }): VNode {
  const { title, until, state, matters, meaning } = one;
  return (
    <li class={matters ? '' : state === 'holds' ? 'counted' : 'uncounted'}>
      <span class="tag">{lifetimeWords[state]}</span> {shortTime(until)} {plainText(title)}
      <span class="detail">{meaning}</span>
    </li>
  );
}
