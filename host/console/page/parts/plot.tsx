import type { VNode } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import Plotter from 'uplot';
import { timeWords } from './words.ts';

export interface PlotSeries {
  readonly label: string;
  /** One for each time; null where nothing is known. */
  readonly values: readonly (number | null)[];
  /** Which of the page's colours draws it: a variable of the style sheet without its dashes. */
  readonly tone: 'good' | 'bad' | 'warn' | 'mute' | 'accent';
  /** A second way to tell lines apart, for whoever sees no colours. */
  readonly line?: 'solid' | 'dashed';
  /** Whether the line goes on over times of which nothing is known. */
  readonly gaps?: 'shown' | 'spanned';
}

export interface PlotProps {
  readonly title: string;
  /** Seconds since 1970, growing. */
  readonly times: readonly number[];
  readonly series: readonly PlotSeries[];
  /** A value as a person reads it, with its unit. */
  readonly format: (value: number) => string;
  /** Counts cannot be below nothing; a log's size need not begin there. */
  readonly from?: 'zero' | 'least';
  /** Whether what is between two whole numbers means something. */
  readonly steps?: 'whole' | 'any';
}

const HEIGHT = 180;
const TABLE_ROWS = 12;

/** Lines over time, drawn in the page's own colours, with the same figures as a table. */
export function Plot(props: PlotProps): VNode {
  const { title, times, series, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const shape = series.map(({ label, tone, line }) => `${label} ${tone} ${line}`).join();
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new Plotter(optionsOf(latest.current, element), dataOf(latest.current), element);
    };
    draw();
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    const stopWatching = onThemeChange(draw);
    return () => {
      resize.disconnect();
      stopWatching();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape]);

  useEffect(() => plot.current?.setData(dataOf(props)), [times, series]);

  const id = useId();
  return (
    <figure class="plot" aria-labelledby={id}>
      <figcaption id={id}>
        {title}
        <span class="legend">
          {series.map(({ label, tone, line = 'solid' }) => (
            <span key={label} class={`key ${tone} ${line}`}>
              {label}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={place} class="plot-area" aria-hidden="true" />
      <details>
        <summary>The same as a table</summary>
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">time</th>
              {series.map(({ label }) => (
                <th key={label} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {newestRows(times).map((at) => (
              <tr key={at}>
                <td>{timeWords((times[at] ?? 0) * 1_000)}</td>
                {series.map(({ label, values }) => (
                  <td key={label}>{formatted(values[at], format)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

/** Spread over all of them, newest first: nobody reads hundreds of rows, and the first and last say most. */
function newestRows(times: readonly number[]): readonly number[] {
  const step = Math.max(1, Math.ceil(times.length / TABLE_ROWS));
  return Array.from({ length: Math.ceil(times.length / step) }, (_, row) => times.length - 1 - row * step);
}

function formatted(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '–' : format(value);
}

function dataOf({ times, series }: PlotProps): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}

const WHOLE_STEPS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
/** The same everywhere: hours of a day, and dates that sort. */
const TIME_FORMATS = [
  [86_400, '{YYYY}-{MM}-{DD}', null, null, null, null, null, null, 1],
  [60, '{HH}:{mm}', '\n{YYYY}-{MM}-{DD}', null, '\n{YYYY}-{MM}-{DD}', null, null, null, 1],
  [1, '{HH}:{mm}:{ss}', '\n{YYYY}-{MM}-{DD}', null, '\n{YYYY}-{MM}-{DD}', null, null, null, 1],
];
/** Above the highest line, so that it is not taken for the frame. */
const HEADROOM = 0.08;

function rangeOf(from: 'zero' | 'least', least: number, most: number): uPlot.Range.MinMax {
  const bottom = from === 'zero' ? 0 : least;
  if (most <= bottom) return [bottom, bottom + 1];
  return [bottom, most + HEADROOM * (most - bottom)];
}

function optionsOf({ series, format, from = 'zero', steps = 'any' }: PlotProps, element: HTMLElement): uPlot.Options {
  const colour = (name: string): string => getComputedStyle(element).getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: colour('soft'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { stroke: colour('line'), width: 1 },
    font: `11px ${getComputedStyle(element).fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, least, most) => rangeOf(from, least ?? 0, most ?? 0) } },
    axes: [
      { ...axis, values: TIME_FORMATS },
      {
        ...axis,
        size: 64,
        values: (_, values) => values.map((value) => format(value)),
        ...(steps === 'whole' ? { incrs: WHOLE_STEPS } : {}),
      },
    ],
    series: [
      {},
      ...series.map(({ label, tone, line = 'solid', gaps = 'shown' }) => ({
        label,
        spanGaps: gaps === 'spanned',
        stroke: colour(tone),
        width: 1.5,
        points: { show: false },
        ...(line === 'dashed' ? { dash: [6, 4] } : {}),
      })),
    ],
  };
}

/** The system's scheme or the page's switch: a canvas keeps the colours that it was drawn with. */
function onThemeChange(redraw: () => void): () => void {
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', redraw);
  const chosen = new MutationObserver(redraw);
  chosen.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  return () => {
    scheme.removeEventListener('change', redraw);
    chosen.disconnect();
  };
}
