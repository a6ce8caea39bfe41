import {
  IconArrowsExchange,
  IconChartLine,
  IconDatabaseExport,
  IconEye,
  IconFileText,
  IconHeartbeat,
  IconLifebuoy,
  IconNews,
  IconReportAnalytics,
  IconUserPlus,
} from '@tabler/icons-react'
import type { ComponentType } from 'react'

import { IconArchive, IconBell, IconCalendarEvent, IconChecklist, IconRefresh, IconShieldCheck } from '@/ui/icons'

/** What stands for each template, by its name. */
export const ICONS: Record<string, ComponentType<{ size?: number; 'aria-hidden'?: boolean }>> = {
  'api-synchronization': IconArrowsExchange,
  'approval-workflow': IconChecklist,
  backup: IconArchive,
  'compliance-report': IconShieldCheck,
  'content-moderation': IconEye,
  'data-migration': IconDatabaseExport,
  'data-synchronization': IconRefresh,
  'document-processing': IconFileText,
  'health-checks': IconHeartbeat,
  'issue-resolution': IconLifebuoy,
  'maintenance-notices': IconCalendarEvent,
  notifications: IconBell,
  onboarding: IconUserPlus,
  publishing: IconNews,
  'report-generation': IconReportAnalytics,
  'usage-analytics': IconChartLine,
}
