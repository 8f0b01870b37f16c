const WIDTH = 840;
const LEFT = 290;
const RIGHT = 90;
const ROW = 20;
const HEAD = 44;
const AXIS = 52;
const PLOT = WIDTH - LEFT - RIGHT;

/** Its own ground, so that it can be read on any page. */
const STYLE = `
.ground { fill: #ffffff } .text { fill: #1f2328 } .quiet { fill: #59636e } .line { stroke: #d1d9e0 }
.other { fill: #8c959f; stroke: #8c959f } .own { fill: #0969da; stroke: #0969da } .own-text { fill: #0969da; font-weight: 600 }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 } .text { fill: #e6edf3 } .quiet { fill: #9198a1 } .line { stroke: #3d444d }
.other { fill: #7d8590; stroke: #7d8590 } .own { fill: #4493f8; stroke: #4493f8 } .own-text { fill: #4493f8 }
}`;

const escaped = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
const plain = (name) => name.replaceAll('`', '');
const number = (value) =>
  value < 10 && !Number.isInteger(value) ? value.toFixed(2) : Math.round(value).toLocaleString('en');
const isOwn = (name) => name.includes('imsvault');
const text = (x, y, content, style, anchor = 'start') =>
  `<text x="${x}" y="${y}" class="${style}" text-anchor="${anchor}">${escaped(content)}</text>`;

/** Powers of ten around the values, or round steps from 0. `at` gives the place of a value, in [0, 1]. */
function axisOf({ scale, bars }) {
  const values = bars.map(([, value]) => value);
  if (scale === 'log') {
    const first = Math.min(0, Math.floor(Math.log10(Math.max(Math.min(...values), 0.1))));
    const last = Math.ceil(Math.log10(Math.max(...values)));
    const ticks = Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
    return { ticks, at: (value) => Math.max(0, (Math.log10(Math.max(value, 1e-9)) - first) / (last - first)) };
  }
  const rough = Math.max(...values) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const count = Math.ceil(Math.max(...values) / step);
  const ticks = Array.from({ length: count + 1 }, (_, index) => index * step);
  return { ticks, at: (value) => Math.max(0, value / ticks.at(-1)) };
}

function panelSvg(panel, top) {
  const { ticks, at } = axisOf(panel);
  const bottom = top + HEAD + panel.bars.length * ROW;
  const place = (value) => (LEFT + at(value) * PLOT).toFixed(1);
  const axis = ticks.flatMap((tick) => [
    `<line x1="${place(tick)}" x2="${place(tick)}" y1="${top + HEAD - 6}" y2="${bottom + 4}" class="line"/>`,
    text(place(tick), bottom + 19, tick.toLocaleString('en'), 'quiet', 'middle'),
  ]);
  const rows = panel.bars.flatMap(([name, value], index) => {
    const [y, style] = [top + HEAD + index * ROW + 10, isOwn(name) ? 'own' : 'other'];
    return [
      text(LEFT - 12, y + 4, plain(name), isOwn(name) ? 'own-text' : 'text', 'end'),
      `<line x1="${LEFT}" x2="${place(value)}" y1="${y}" y2="${y}" class="${style}" stroke-width="2"/>`,
      `<circle cx="${place(value)}" cy="${y}" r="4.5" class="${style}"/>`,
      text(Number(place(value)) + 10, y + 4, number(value), isOwn(name) ? 'own-text' : 'text'),
    ];
  });
  const label = `${panel.axis}${panel.scale === 'log' ? ' (logarithmic)' : ''}`;
  return [
    `<text x="16" y="${top + 24}" class="text" font-size="15" font-weight="600">${escaped(panel.title)}</text>`,
    ...axis,
    ...rows,
    text(LEFT + PLOT / 2, bottom + 37, label, 'quiet', 'middle'),
  ].join('\n');
}

const heightOf = ({ bars }) => HEAD + bars.length * ROW + AXIS;

/**
 * One SVG of all panels, one below the other.
 * @param panels `{ title, axis, scale: 'log' | 'linear', bars: [name, value][] }`; values above 0 where the scale is log
 */
export function chart(panels) {
  let height = 8;
  const parts = panels.map((panel) => {
    const svg = panelSvg(panel, height);
    height += heightOf(panel);
    return svg;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12">
<title>${escaped(inWords(panels))}</title>
<style>${STYLE}</style>
<rect width="${WIDTH}" height="${height}" rx="8" class="ground"/>
${parts.join('\n')}
</svg>
`;
}

/** What it shows, for who cannot see it. */
export const inWords = (panels) =>
  panels
    .map(({ title, axis, bars }) => {
      const own = bars.filter(([name]) => isOwn(name)).map(([, value]) => number(value));
      const others = bars.filter(([name]) => !isOwn(name)).map(([, value]) => value);
      const range = [Math.min(...others), Math.max(...others)].map(number).join(' to ');
      return `${title}, ${axis}: imsvault ${own.join(' and ')}, the others ${range}.`;
    })
    .join(' ');
