/** The whole style of a report. No rule reaches outside of the file, and no element has a style of its own (CSP). */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1b1d22; --soft: #5b616e; --line: #dfdcd3;
  --good: #1a6b3c; --good-wash: #e5f2e9; --bad: #a3201d; --bad-wash: #fbe9e7;
  --warn: #8a5a00; --warn-wash: #fbf0d9; --mute: #6d7380; --mute-wash: #eeede9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --card: #1c1f25; --ink: #e8e6e1; --soft: #a5abb7; --line: #343943;
    --good: #6fce95; --good-wash: #16301f; --bad: #ff8f87; --bad-wash: #3b1917;
    --warn: #e9b95a; --warn-wash: #352810; --mute: #9aa1ad; --mute-wash: #272b32;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
main { max-width: 58rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
h1, h2, h3, p, ol, ul, dl, dd { margin: 0; padding: 0; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: .95rem; margin: 0; }
code, .hex { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; }
dd, td, li, h3, code { unicode-bidi: isolate; }
.note { color: var(--soft); font-size: .9rem; margin-bottom: .75rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; }
.card + .card { margin-top: .75rem; }

.verdict { border: 2px solid var(--tone); border-radius: 14px; background: var(--wash); padding: 1.25rem; }
.verdict .brand { color: var(--soft); font-size: .85rem; letter-spacing: .04em; }
.verdict h1 { color: var(--tone); font-size: clamp(2rem, 9vw, 3rem); line-height: 1.15; text-transform: capitalize; }
.verdict .lead { font-size: 1.05rem; margin-top: .25rem; }
.verdict .code { margin-top: .6rem; }
.verdict .code code { color: var(--tone); border: 1px solid var(--tone); border-radius: 6px; padding: .15rem .5rem .25rem; margin-right: .4rem; }
.verdict .found { display: block; color: var(--soft); font-size: .88rem; }
.verdict ul { list-style: none; margin-top: .9rem; }
.verdict li { border-top: 1px solid var(--line); padding: .45rem 0; }
.verdict li:last-child { padding-bottom: 0; }
.accepted { --tone: var(--good); --wash: var(--good-wash); }
.refused, .undetermined, .authentic { --tone: var(--warn); --wash: var(--warn-wash); }
.accepted.simulated { --tone: var(--warn); --wash: var(--warn-wash); border-style: dashed; }
.verdict .warning { margin-top: .5rem; font-weight: 650; }
.malformed, .untrusted { --tone: var(--bad); --wash: var(--bad-wash); }
.claimed { --tone: var(--mute); --wash: var(--mute-wash); }
.advice { margin-top: .75rem; border-left: 4px solid var(--warn); padding: .35rem .9rem; }

.facts { display: grid; grid-template-columns: minmax(9rem, 13rem) 1fr; gap: .3rem 1rem; }
.facts dt { color: var(--soft); font-size: .9rem; }
.facts dd { min-width: 0; }
.summary { margin-top: 1rem; }

.trust { list-style: none; }
.trust li { position: relative; padding: 0 0 1.35rem 3rem; }
.trust li:last-child { padding-bottom: 0; }
.trust li::before { content: ""; position: absolute; left: 1.05rem; top: 2.1rem; bottom: 0; border-left: 2px solid var(--line); }
.trust li:last-child::before { display: none; }
.trust li.to-proven::before { border-left-color: var(--good); }
.trust li.to-broken::before { border-left: 2px dashed var(--bad); }
.trust li.to-unproven::before { border-left-style: dashed; }
.trust svg { position: absolute; left: 0; top: 0; width: 2.2rem; height: 2.2rem; }
.trust .how { color: var(--soft); font-size: .86rem; display: block; }
.trust h3 { font-size: 1rem; }
.trust .facts { font-size: .82rem; margin-top: .2rem; grid-template-columns: minmax(6rem, 7rem) 1fr; gap: .05rem .75rem; }
.trust .facts dt { font-size: 1em; }
.proven { --tone: var(--good); --wash: var(--good-wash); }
.broken { --tone: var(--bad); --wash: var(--bad-wash); }
.unproven { --tone: var(--mute); --wash: var(--mute-wash); }
.tag { display: inline-block; color: var(--tone); background: var(--wash); border-radius: 6px; padding: 0 .45rem; font-size: .8rem; font-weight: 600; white-space: nowrap; }
.disc { fill: var(--wash); stroke: var(--tone); stroke-width: 2; }
.glyph { fill: none; stroke: var(--tone); stroke-width: 2.6; stroke-linecap: round; stroke-linejoin: round; }

.open { list-style: none; }
.open li { border-left: 4px solid var(--warn); padding: .25rem .8rem; margin-bottom: .5rem; }
.open li::first-letter { text-transform: uppercase; }
.open .detail, .ends .detail { color: var(--soft); display: block; font-size: .92em; }
.open li.counted { border-left-color: var(--good); } .open li.uncounted { border-left-color: var(--mute); }
.open.dates strong { text-transform: capitalize; margin-right: .5rem; }
.ends td:nth-child(2) { width: 12rem; white-space: nowrap; }
.group header { display: flex; flex-wrap: wrap; gap: .5rem; align-items: baseline; margin-bottom: .6rem; }

.bar { width: 100%; height: .7rem; border-radius: 6px; display: block; margin-bottom: .5rem; }
.fill-passed { fill: var(--good); } .fill-failed { fill: var(--bad); } .fill-not-asked { fill: var(--warn); } .fill-not-reached { fill: var(--mute); opacity: .5; }
.counts { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; font-size: .9rem; margin-bottom: .9rem; }
.checks { width: 100%; border-collapse: collapse; font-size: .9rem; }
.checks caption { text-align: left; font-weight: 600; padding: 1.1rem 0 .35rem; }
.checks td { border-top: 1px solid var(--line); padding: .35rem .5rem .35rem 0; vertical-align: top; }
.checks td:nth-child(1) { width: 6.8rem; } .checks td:nth-child(2) { width: 7.4rem; color: var(--soft); }
.checks code { white-space: nowrap; }
.checks .detail { color: var(--soft); display: block; font-size: .92em; }
.passed { --tone: var(--good); --wash: transparent; } .failed { --tone: var(--bad); --wash: var(--bad-wash); }
.not-asked { --tone: var(--warn); --wash: transparent; } .not-reached { --tone: var(--mute); --wash: transparent; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: .9rem; color: var(--soft); font-size: .85rem; }

@media (max-width: 40rem) {
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: .5rem; }
  .trust .facts { grid-template-columns: 4.6rem 1fr; }
  .trust .facts dd { margin-bottom: 0; }
  .checks, .checks tbody, .checks caption { display: block; }
  .checks tr { display: grid; grid-template-columns: auto 1fr; gap: 0 .6rem; border-top: 1px solid var(--line); padding: .4rem 0; }
  .checks td { border: 0; padding: 0; }
  .checks td:nth-child(1), .checks td:nth-child(2) { width: auto; }
  .checks td:nth-child(3) { grid-column: 1 / -1; }
}
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --good: #145a30; --good-wash: #fff; --bad: #8f1512; --bad-wash: #fff; --warn: #6d4700; --warn-wash: #fff; --mute: #555; --mute-wash: #fff; }
  body { font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  .card, .verdict, .trust li, .checks tr, .open li { break-inside: avoid; }
  .trust { break-inside: auto; }
  .checks { font-size: .88em; } .checks td { padding: .12rem .5rem .12rem 0; } .checks caption { padding-top: .7rem; }
  .checks .detail { display: inline; } .checks .detail::before { content: " · "; }
  .facts { gap: .1rem 1rem; } .trust li { padding-bottom: .8rem; }
  h2 { margin-top: 1.5rem; }
  h2, .checks caption { break-after: avoid; }
}
`;
