// Making elements. Whatever comes from a collection is set as text, never as HTML.

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "text") node.textContent = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const PATHS = {
  play: "M8 5v14l11-7z",
  pause: "M6 5h4v14H6zm8 0h4v14h-4z",
  keep: "M12 17.3 6.2 21l1.5-6.6L2.6 10l6.7-.6L12 3.2l2.7 6.2 6.7.6-5.1 4.4 1.5 6.6z",
  drop: "M19 6.400 17.600 5 12 10.600 6.400 5 5 6.400 10.600 12 5 17.600 6.400 19 12 13.400 17.600 19 19 17.600 13.400 12z",
  more: "M19 13h-6v6h-2v-6H5v-2h6V5h2v6h6z",
  less: "M5 11h14v2H5z",
  near: "M4 9.500c2-2.200 4.200-2.200 6.500-.9s4.500 1.300 6.500-.9l1.500 1.500c-2.700 2.900-5.700 3-8.700 1.300-1.700-1-3-.9-4.400.5zm0 6c2-2.200 4.200-2.200 6.500-.9s4.500 1.300 6.500-.9l1.500 1.500c-2.700 2.900-5.700 3-8.700 1.300-1.700-1-3-.9-4.400.5z",
  tune: "M3 17v2h6v-2zM3 5v2h10V5zm10 16v-2h8v-2h-8v-2h-2v6zM7 9v2H3v2h4v2h2V9zm14 4v-2H11v2zm-6-4h2V7h4V5h-4V3h-2z",
  close: "M19 6.400 17.600 5 12 10.600 6.400 5 5 6.400 10.600 12 5 17.600 6.400 19 12 13.400 17.600 19 19 17.600 13.400 12z",
  list: "M4 6h16v2H4zm0 5h16v2H4zm0 5h16v2H4z",
  grid: "M4 4h7v7H4zm9 0h7v7h-7zM4 13h7v7H4zm9 0h7v7h-7z",
  loop: "M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z",
  lasso: "M4 4h3v2H6v1H4zm5 0h6v2H9zm8 0h3v3h-2V6h-1zM4 9h2v6H4zm14 0h2v6h-2zM4 17h2v1h1v2H4zm5 1h6v2H9zm9-1h2v3h-3v-2h1z",
  whole: "M4 9V4h5v2H6v3zm11-5h5v5h-2V6h-3zM4 15h2v3h3v2H4zm14 0h2v5h-5v-2h3z",
  search: "M10 4a6 6 0 1 0 3.7 10.7l5 5 1.4-1.4-5-5A6 6 0 0 0 10 4zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function seconds(s) {
  if (s < 60) return `${s.toFixed(1)} s`;
  const whole = Math.round(s), h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${rest}` : `${m}:${rest}`;
}

export function clock(s) {
  const tenths = Math.floor(s * 10) / 10, m = Math.floor(tenths / 60);
  return `${m}:${(tenths - 60 * m).toFixed(1).padStart(4, "0")}`;
}

// Whether keys that are typed belong to a field, and not to the list.
export function typing(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}
