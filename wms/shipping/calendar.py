"""Calendars: on which days a site works, until when it ships today, when a parcel arrives."""
