/** How many names have a colour of their own; the rest share one as `other`. */
export const COLOURS = 8;

/** The class that gives a thing its colour: the same name has the same colour within one list of names. */
export function colourClass(index: number): string {
  return index < 0 || index >= COLOURS ? 'c-rest' : `c-${index + 1}`;
}

/** What a class of the style sheet comes to in this theme, for the canvas. */
export function canvasColour(host: HTMLElement, className: string): string {
  const probe = document.createElement('i');
  probe.className = className;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
