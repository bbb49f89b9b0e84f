/* What the kernel tells of this machine and this process; the same sources as `mqn.device.machine`. */
#include <dirent.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"

static double read_number(const char *path) {
  double value = NAN;
  FILE *file = fopen(path, "r");
  if (file) {
    if (fscanf(file, "%lf", &value) != 1) value = NAN;
    fclose(file);
  }
  return value;
}

static int64_t read_clock(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t now_ns(void) { return read_clock(CLOCK_MONOTONIC); }
int64_t thread_ns(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

int allowed_processors(int *processors) {
  cpu_set_t set;
  int count = 0;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int i = 0; i < CPU_SETSIZE && count < MAX_PROCESSORS; i++)
      if (CPU_ISSET(i, &set)) processors[count++] = i;
  return count;
}

static double read_temperature(void) {
  double hottest = NAN;
  char path[320];
  DIR *zones = opendir("/sys/class/thermal");
  for (struct dirent *zone; zones && (zone = readdir(zones));) {
    if (strncmp(zone->d_name, "thermal_zone", 12)) continue;
    snprintf(path, sizeof path, "/sys/class/thermal/%s/temp", zone->d_name);
    double reading = read_number(path);
    /* zones without a sensor behind them report 0 or absurd values, in thousandths of a degree */
    if (reading > 0 && reading < 150000 && !(reading / 1000 <= hottest)) hottest = reading / 1000;
  }
  if (zones) closedir(zones);
  return hottest;
}

/* Charge of the emptiest battery, and whether none of them is being emptied. */
static void read_battery(State *state) {
  char path[320], word[32];
  DIR *supplies = opendir("/sys/class/power_supply");
  for (struct dirent *supply; supplies && (supply = readdir(supplies));) {
    snprintf(path, sizeof path, "/sys/class/power_supply/%s/type", supply->d_name);
    FILE *file = fopen(path, "r");
    bool battery = file && fscanf(file, "%31s", word) == 1 && !strcmp(word, "Battery");
    if (file) fclose(file);
    snprintf(path, sizeof path, "/sys/class/power_supply/%s/scope", supply->d_name);
    if (battery && (file = fopen(path, "r"))) { /* a mouse's or headset's battery has the scope "Device" */
      battery = fscanf(file, "%31s", word) != 1 || strcmp(word, "Device");
      fclose(file);
    }
    if (!battery) continue;
    snprintf(path, sizeof path, "/sys/class/power_supply/%s/capacity", supply->d_name);
    double percent = read_number(path);
    if (isnan(percent)) continue;
    state->battery_percent = fmin(percent, state->battery_percent); /* NAN loses */
    snprintf(path, sizeof path, "/sys/class/power_supply/%s/status", supply->d_name);
    file = fopen(path, "r");
    bool told = file && fscanf(file, "%31s", word) == 1; /* "Not" of "Not charging": held, on its charger */
    if (file) fclose(file);
    if (!told || !strcmp(word, "Discharging") || !strcmp(word, "Unknown")) state->charging = 0;
    else if (state->charging < 0) state->charging = 1;
  }
  if (supplies) closedir(supplies);
}

State read_state(const int *processors, int count) {
  State state = {read_number("/proc/loadavg"), NAN, read_temperature(), NAN, -1};
  double fastest = 0; /* idle processors slow down as they like */
  char path[96];
  for (int i = 0; i < count; i++) {
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", processors[i]);
    double kilohertz = read_number(path);
    if (kilohertz > fastest) fastest = kilohertz;
  }
  if (fastest > 0) state.frequency_mhz = fastest / 1000;
  read_battery(&state);
  return state;
}

static void read_ticks(const int *processors, int count, double *busy, double *stolen) {
  double all = 0, taken = 0, ticks = (double)sysconf(_SC_CLK_TCK);
  int found = 0, number;
  char line[512];
  FILE *file = fopen("/proc/stat", "r");
  while (file && fgets(line, sizeof line, file)) {
    unsigned long long user, nice, system, idle, wait, irq, soft, steal;
    if (sscanf(line, "cpu%d %llu %llu %llu %llu %llu %llu %llu %llu", &number, &user, &nice, &system, &idle, &wait, &irq,
               &soft, &steal) != 9)
      continue;
    for (int i = 0; i < count; i++)
      if (processors[i] == number) all += user + nice + system + irq + soft + steal, taken += steal, found++;
  }
  if (file) fclose(file);
  *busy = found == count && count ? all / ticks : NAN;
  *stolen = found == count && count ? taken / ticks : NAN;
}

static double read_waited(void) {
  double sum = 0;
  int read = 0;
  char path[320];
  DIR *threads = opendir("/proc/self/task");
  for (struct dirent *thread; threads && (thread = readdir(threads));) {
    unsigned long long ran, waited;
    if (thread->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", thread->d_name);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%llu %llu", &ran, &waited) == 2) sum += waited / 1e9, read++;
    if (file) fclose(file);
  }
  if (threads) closedir(threads);
  return read ? sum : NAN;
}

Usage read_usage(const int *processors, int count) {
  Usage usage;
  struct rusage own;
  struct timespec cpu;
  /* what is set against the clock is read last: between two readings we may lose the processor for long */
  usage.waited = read_waited();
  usage.preemptions = getrusage(RUSAGE_SELF, &own) == 0 ? own.ru_nivcsw : -1;
  read_ticks(processors, count, &usage.busy, &usage.stolen);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  usage.cpu = cpu.tv_sec + cpu.tv_nsec / 1e9;
  usage.wall = now_ns() / 1e9;
  return usage;
}

bool resident(double *now_mb, double *peak_mb) {
  char line[256];
  double kilobytes;
  int found = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "VmRSS: %lf", &kilobytes) == 1) *now_mb = kilobytes * 1024 / 1e6, found++;
    if (sscanf(line, "VmHWM: %lf", &kilobytes) == 1) *peak_mb = kilobytes * 1024 / 1e6, found++;
  }
  if (file) fclose(file);
  return found == 2;
}

bool reset_peak(void) {
  FILE *file = fopen("/proc/self/clear_refs", "w");
  if (!file) return false;
  bool written = fputs("5", file) >= 0;
  return fclose(file) == 0 && written;
}

double address_space(void) {
  double pages = read_number("/proc/self/statm");
  return isfinite(pages) ? pages * (double)sysconf(_SC_PAGESIZE) : 0;
}
