// Pictures: waveform and mel spectrogram of a clip, drawn on a canvas in the colours of the theme.

const kept = new Map();
const waiting = [];
let n_running = 0;

// A picture is [n_columns u16, n_mels u16, start_s f32, end_s f32], then lows and highs (i8 each a column), then mels by row.
function read(buffer) {
  const head = new DataView(buffer);
  const n = head.getUint16(0, true), m = head.getUint16(2, true);
  return {
    n, m, start_s: head.getFloat32(4, true), end_s: head.getFloat32(8, true),
    low: new Int8Array(buffer, 12, n), high: new Int8Array(buffer, 12 + n, n),
    mel: new Uint8Array(buffer, 12 + 2 * n, n * m),
  };
}

export function picture(url) {
  if (!kept.has(url)) {
    if (kept.size > 300) kept.delete(kept.keys().next().value);
    kept.set(url, new Promise((done) => { waiting.push({ url, done }); next(); }));
  }
  return kept.get(url);
}

async function next() {
  if (n_running >= 3 || !waiting.length) return;
  const { url, done } = waiting.pop(); // what was scrolled to last is being looked at
  n_running += 1;
  try {
    const answer = await fetch(url);
    if (answer.ok) done(read(await answer.arrayBuffer()));
    else {
      kept.delete(url);
      done({ error: (await answer.json()).error });
    }
  } catch {
    kept.delete(url);
    done({ error: "" });
  }
  n_running -= 1;
  next();
}

const colour = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function rgb(css) {
  colour.clearRect(0, 0, 1, 1);
  colour.fillStyle = css;
  colour.fillRect(0, 0, 1, 1);
  return colour.getImageData(0, 0, 1, 1).data;
}

const mix = (a, b, t) => [0, 1, 2].map((i) => a[i] + (b[i] - a[i]) * t);

export function draw(canvas, pic, spans, style) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio)), height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  canvas.width = width;
  canvas.height = height;
  const at = canvas.getContext("2d");
  const ground = rgb(style.ground), accent = rgb(style.accent), ink = rgb(style.text);
  const top = Math.round(height * 0.38); // the waveform above, the spectrogram below
  const image = new ImageData(pic.n, pic.m);
  const ramp = Array.from({ length: 256 }, (_, v) => {
    const t = v / 255;
    return t < 0.6 ? mix(ground, accent, (t / 0.6) ** 1.4) : mix(accent, ink, (t - 0.6) / 0.4);
  });
  for (let i = 0; i < pic.mel.length; i += 1) image.data.set([...ramp[pic.mel[i]], 255], 4 * i);
  const small = new OffscreenCanvas(pic.n, pic.m);
  small.getContext("2d").putImageData(image, 0, 0);
  at.imageSmoothingEnabled = true;
  at.drawImage(small, 0, top, width, height - top);
  const x_of = (s) => ((s - pic.start_s) / (pic.end_s - pic.start_s)) * width;
  const inside = (x) => spans.some((span) => x >= x_of(span.start_s) - 0.5 && x <= x_of(span.end_s) + 0.5);
  const whole = spans.length === 1 && spans[0].end_s - spans[0].start_s >= 0.98 * (pic.end_s - pic.start_s);
  for (let x = 0; x < width; x += 1) {
    const column = Math.min(pic.n - 1, Math.floor((x / width) * pic.n));
    const hi = top / 2 - (pic.high[column] / 127) * (top / 2 - 1), lo = top / 2 - (pic.low[column] / 127) * (top / 2 - 1);
    at.fillStyle = whole || inside(x) ? style.accent : style.soft;
    at.fillRect(x, hi, 1, Math.max(ratio, lo - hi));
  }
  if (!whole) {
    at.fillStyle = style.veil;
    let from = 0;
    for (const span of [...spans].sort((a, b) => a.start_s - b.start_s)) {
      const left = Math.max(0, x_of(span.start_s)), right = Math.min(width, x_of(span.end_s));
      if (left > from) at.fillRect(from, top, left - from, height - top);
      from = Math.max(from, right);
    }
    if (from < width) at.fillRect(from, top, width - from, height - top);
  }
  for (const span of whole ? [] : spans) {
    at.fillStyle = style.accent;
    const left = Math.max(0, x_of(span.start_s)), right = Math.min(width, x_of(span.end_s));
    at.fillRect(left, height - 2 * ratio, Math.max(2 * ratio, right - left), 2 * ratio);
  }
}
