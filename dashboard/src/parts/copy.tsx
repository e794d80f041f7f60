import { useSignal } from '@preact/signals';

/** A text to be used elsewhere, with a button that copies it. */
export function Copyable({ text, label }: { readonly text: string; readonly label: string }) {
  const told = useSignal('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      told.value = 'Copied';
    } catch {
      told.value = 'Select it and copy it by hand'; // without https the browser may not allow it
    }
    setTimeout(() => {
      told.value = '';
    }, 2_000);
  };
  return (
    <div class="copyable">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre>
          <code>{text}</code>
        </pre>
      </section>
      <button type="button" onClick={copy} aria-label={`Copy ${label}`}>
        {told.value === '' ? 'Copy' : told.value}
      </button>
      <span class="visually-hidden" role="status">
        {told.value}
      </span>
    </div>
  );
}
