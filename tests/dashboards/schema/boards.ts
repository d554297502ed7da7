import type * as grafana from '@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type * as bargauge from '@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/types.gen';
import type * as stat from '@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type * as statushistory from '@grafana/schema/dist/types/raw/composable/statushistory/panelcfg/x/types.gen';
import type * as table from '@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
import type * as timeseries from '@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';

type Nothing = Record<string, never>;
type Fields<Custom> = Omit<grafana.FieldConfigSource, 'defaults'> & {
  defaults: Omit<grafana.FieldConfig, 'custom'> & { custom?: Partial<Custom> };
};
type Of<Kind extends string, Options, Custom> = Omit<grafana.Panel, 'type' | 'options' | 'fieldConfig'> & {
  type: Kind;
  options: Partial<Options>;
  fieldConfig: Fields<Custom>;
};

export type Board = Omit<grafana.Dashboard, 'panels'> & { panels: unknown[] };
export type Row = grafana.RowPanel;
export type Bars = Of<'bargauge', bargauge.Options, Nothing>;
export type Stat = Of<'stat', stat.Options, Nothing>;
export type Grid = Of<'status-history', statushistory.Options, statushistory.FieldConfig>;
export type Table = Of<'table', table.Options, table.FieldConfig>;
export type Lines = Of<'timeseries', timeseries.Options, timeseries.FieldConfig>;
