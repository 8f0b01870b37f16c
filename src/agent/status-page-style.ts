export const STATUS_PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1b1f24; --quiet: #57606a; --line: #d8dee4; --track: #e7ebef; --link: #0550ae;
  --good: #1a7f37; --good-back: #dafbe1; --warn: #8a5300; --warn-back: #fff3d1; --bad: #b3261e; --bad-back: #ffe9e7;
  --idle: #57606a; --idle-back: #eaeef2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --card: #161b22; --text: #e6edf3; --quiet: #9aa4af; --line: #30363d; --track: #262d36; --link: #79b8ff;
    --good: #56d364; --good-back: #12331c; --warn: #e9b949; --warn-back: #3a2d0c; --bad: #ff8f87; --bad-back: #44191a;
    --idle: #9aa4af; --idle-back: #262d36;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; }
h1 { font-size: 1.35rem; margin: 0; }
p { margin: .5rem 0; }
a { color: var(--link); }
a:focus-visible, input:focus-visible, button:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.quiet { color: var(--quiet); }
.sums { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; padding: 0; list-style: none; }
.tools { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; margin: 0 0 .75rem; }
input, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .3rem .6rem; }
button { cursor: pointer; }
.pill { display: inline-block; border-radius: 1rem; padding: .1rem .65rem; font-size: .85rem; font-weight: 600; white-space: nowrap; }
.good { color: var(--good); background: var(--good-back); }
.warn { color: var(--warn); background: var(--warn-back); }
.bad { color: var(--bad); background: var(--bad-back); }
.idle { color: var(--idle); background: var(--idle-back); }
table { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
th, td { text-align: left; vertical-align: top; padding: .65rem .8rem; }
thead th { font-size: .8rem; font-weight: 600; color: var(--quiet); border-bottom: 1px solid var(--line); }
tbody + tbody > tr:first-child > * { border-top: 1px solid var(--line); }
tbody th { font-weight: 600; overflow-wrap: anywhere; min-width: 8rem; }
td .quiet, th .quiet { display: block; font-size: .85rem; font-weight: 400; overflow-wrap: anywhere; }
.life { min-width: 12rem; }
.counts { white-space: nowrap; }
.missing { color: var(--quiet); }
.when { display: block; font-size: .85rem; }
.bar { display: block; width: 100%; height: 8px; border-radius: 4px; margin: .35rem 0 .2rem; }
.bar .track { fill: var(--track); }
.bar .mark { fill: var(--text); }
.bar .good { fill: var(--good); }
.bar .warn { fill: var(--warn); }
.bar .bad { fill: var(--bad); }
.why td { padding-top: 0; }
.why p { margin: 0; padding: .5rem .75rem; border-radius: 6px; overflow-wrap: anywhere; }
.why code { font-weight: 600; }
nav { display: flex; gap: 1rem; margin-top: .75rem; }
@media (max-width: 44rem) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody, tr, th, td { display: block; }
  tbody > tr > * { padding: .25rem .8rem; }
  .missing { display: none; }
  td[data-label]::before { content: attr(data-label) ' '; color: var(--quiet); }
  tbody > tr:first-child > :first-child { padding-top: .75rem; }
  tbody > tr:last-child > :last-child { padding-bottom: .75rem; }
  tbody + tbody > tr:first-child > * { border-top: 0; }
  tbody + tbody > tr:first-child > :first-child { border-top: 1px solid var(--line); }
}
@media (forced-colors: active) { .pill { border: 1px solid; } .bar { border: 1px solid; } .bar .good, .bar .warn, .bar .bad { fill: CanvasText; } }
`;
