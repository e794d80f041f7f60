import { Empty } from '../parts/states.tsx';
import { Link } from '../routing/link.tsx';
import { viewPath } from '../routing/location.ts';

export function Unknown() {
  return (
    <Empty title="There is no view at this address.">
      <p>
        <Link to={viewPath([])}>To the overview</Link>
      </p>
    </Empty>
  );
}
