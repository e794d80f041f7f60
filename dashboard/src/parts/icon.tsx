/** Lines on a field of 20 by 20. */
const PATHS = {
  overview: 'M3 16V9M8 16V4M13 16v-6M18 16V7',
  runs: 'M3 5h8M6 10h9M9 15h8',
  sessions: 'M4 5h12v8H9l-4 3v-3H4z',
  teams: 'M7 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 17c0-3 2-5 5-5s5 2 5 5M13 4a3 3 0 0 1 0 5M14 12c2.500.5 4 2.500 4 5',
  records: 'M5 3h10v14H5zM8 7h4M8 10h4M8 13h2',
  statements: 'M4 17V3h9l3 3v11zM13 3v3h3M7 10h6M7 13h6',
  health: 'M2 10h4l2-5 4 10 2-5h4',
  start: 'M10 3v10M6 9l4 4 4-4M4 17h12',
  sun: 'M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10 2v2M10 16v2M2 10h2M16 10h2M4.500 4.500l1.400 1.400M14.100 14.100l1.400 1.400M4.500 15.500l1.400-1.400M14.100 5.900l1.400-1.400',
  moon: 'M16 12A7 7 0 0 1 8 4a7 7 0 1 0 8 8z',
  contrast: 'M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14',
  leave: 'M8 3H4v14h4M12 6l4 4-4 4M16 10H8',
} as const;
export type IconName = keyof typeof PATHS;

/** A picture beside words; it says nothing by itself. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
