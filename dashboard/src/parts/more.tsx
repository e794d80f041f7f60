export function More({ more }: { readonly more: (() => void) | null }) {
  if (more === null) return null;
  return (
    <p class="more">
      <button type="button" onClick={more}>
        Show more
      </button>
    </p>
  );
}
